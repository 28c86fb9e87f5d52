/** What a client variable of a server must be (DESIGN: "The allowlist and what a child may see"). */
export interface ClientVariableRule {
  readonly required: boolean;
  /** The whole value must match, when set. */
  readonly pattern: RegExp | undefined;
  /** Longest value in characters. */
  readonly maxLength: number;
}

/** Which client variables a server takes: the declared names, or `"*"` for every name that the denylist does not hold. */
export type ClientVariablePolicy = ReadonlyMap<string, ClientVariableRule> | "*";

/** Bounds of one server's sessions. 0 switches a count or a size off. */
export interface ServerLimits {
  readonly sessionsPerServer: number;
  /** Longest message from the child, in bytes. */
  readonly lineBytes: number;
  /** Bytes that may wait for a slow reader, on either side of a session. */
  readonly outboxBytes: number;
}

/** Time limits of one server's sessions, in milliseconds. 0 switches one off. */
export interface ServerTimeouts {
  /** From the first request to the child's first answer; also the longest wait for a turn to start. */
  readonly startMs: number;
  /** From a request to its answer; restarted by the request's progress. */
  readonly requestMs: number;
  /** Without JSON-RPC traffic while no stream is open. */
  readonly idleMs: number;
  /** Without JSON-RPC traffic while a stream is open: a half-open connection looks just like a quiet one. */
  readonly silentMs: number;
  /** The session of a client whose connection was cut waits for it to come back for so long. 0: not at all. */
  readonly reconnectMs: number;
  readonly lifetimeMs: number;
  /** A shared child that nobody uses is kept for so long. 0: not at all. */
  readonly warmMs: number;
  /** A call waits so long for the input that its stateless client was asked for. */
  readonly parkedMs: number;
  /** So long `server/discover` may stay unanswered before `initialize` is tried. 0: it is never asked. */
  readonly probeMs: number;
  /** Between two comments on a quiet event stream. */
  readonly heartbeatMs: number;
  /** A write to a client that makes no headway for so long means that the client is gone. */
  readonly stalledWriteMs: number;
  /** From closing the child's stdin to SIGKILL. */
  readonly gracefulStopMs: number;
}

/** How sessions get their child: each one of its own, or the children that stateless requests share. */
export type Isolation = "exclusive" | "shared";

/** An allowlisted entry: a command line and the policy for running it. */
export interface Server {
  /** The key in the URL path, decoded: a configured name, or an exact command line. */
  readonly name: string;
  /** The argument vector as configured; its first word is not resolved. Never passed to a shell. */
  readonly command: readonly [string, ...string[]];
  /** Absolute path of the program, found on the proxy's own PATH when the configuration was read; undefined: not found there. */
  readonly program: string | undefined;
  /** The operator's variables for the child. */
  readonly env: Readonly<Record<string, string>>;
  /** What is set on the proxy for the launcher that runs the server; `env` and the client's variables go before. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Working directory; undefined: a temporary directory for each child. */
  readonly cwd: string | undefined;
  readonly clientEnv: ClientVariablePolicy;
  readonly isolation: Isolation;
  readonly limits: ServerLimits;
  readonly timeouts: ServerTimeouts;
}
