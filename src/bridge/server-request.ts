import type { LogLevel } from "../wire/envelope.ts";
import type { IncomingRequest, ServerSideParts } from "./server-side.ts";

export interface ServerRequestOptions {
  readonly parts: ServerSideParts;
  readonly request: IncomingRequest;
  /** What the client wants to hear of the log, from now on; undefined: nothing. */
  readonly logLevel: () => LogLevel | undefined;
  /** Aborted at the end of the session. */
  readonly signal: AbortSignal;
  /** Called once: its id may be another's from now on. */
  readonly onOver: () => void;
}

/** One request of a session's client, and the child that serves it. */
export interface ServerRequest {
  /** Finds it a child. @returns whether a child has it; else it has been refused or cancelled. @throws what is no ProxyError. */
  readonly begin: () => Promise<boolean>;
  /** Nobody waits for its answer any more. */
  readonly cancel: (reason: string) => void;
}
