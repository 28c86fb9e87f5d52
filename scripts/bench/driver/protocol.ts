/** The client-facing bindings that are measured; another one needs an entry here, in `protocols.ts` and in `gateways.ts`. */
export const PROTOCOL_NAMES = ["sse", "streamable", "stateless"] as const;
export type ProtocolName = (typeof PROTOCOL_NAMES)[number];

/** Where a gateway listens, and how it is spoken to. Plain data: it crosses from the benchmark to its driver. */
export interface Target {
  readonly protocol: ProtocolName;
  readonly host: string;
  readonly port: number;
  /** Path that opens a session. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The gateway's own process: the one whose CPU time is read. */
  readonly pid: number;
}

/** How one binding of MCP is driven. */
export interface Protocol {
  /** Opens a session up to where it takes messages; the `initialize` handshake is the caller's. */
  open(target: Target): Promise<Session>;
}

export interface Session {
  /** A connection of its own for messages of this session. `number` is unique in the driver's process. */
  lane(number: number): Promise<Lane>;
  /** Rejects when the session breaks; never resolves. */
  readonly broken: Promise<never>;
  close(): void;
}

/** One message at a time: as many lanes, as many messages in flight. */
export interface Lane {
  /** Called when the HTTP answer is read and, after `exchange`, the JSON-RPC answer, too. */
  onDone: () => void;
  /** `Bun.nanoseconds()` of the last JSON-RPC answer. */
  answeredNs: number;
  /** Length of the last JSON-RPC answer in bytes, framing included. */
  answerBytes: number;
  /** Connects anew: gateways close a connection that is idle for a few seconds. To be called before each use after a pause. */
  renew(): Promise<void>;
  /** Sends a request under an id of its own. */
  exchange(message: Message): void;
  /** Sends a message that has no JSON-RPC answer. */
  notify(message: Message): void;
  close(): void;
}

/** A JSON-RPC message, serialised once; its id, if it has one, is the placeholder of `message-ids.ts`. */
export interface Message {
  readonly body: string;
  /** Fields that its POST carries on Streamable HTTP: MCP 2026-07-28 repeats parts of the body there. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Bytes that its answer must hold in its first or last kilobyte, or the session breaks: a gateway's error, or what else
   * came under the right id, must not count as an answer.
   */
  readonly expects?: string;
}
