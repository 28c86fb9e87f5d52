import type { RawMessage } from "../link/exclusive.ts";

/** Where a session's messages to the client go; each transport has its own. */
export interface SessionOutput {
  /** Sends the child's messages, in order. While the promise is pending the client is slow, and no more must come. */
  readonly deliver: (messages: readonly RawMessage[]) => Promise<void> | undefined;
  /** Sends a message of the proxy's own. */
  readonly say: (json: string) => void;
  /** Whether a stream to the client is open: silence is then measured by another limit. */
  readonly isOpen: () => boolean;
  /** Does what is due now, heartbeats for instance. "stalled": the client takes nothing any more. */
  readonly check: (now: number) => "ok" | "stalled";
  /** When `check` wants to be called next, or Infinity. */
  readonly nextCheck: () => number;
  /** Ends every stream; `farewell` is told to a client that waits for no answer. */
  readonly close: (farewell: string | undefined) => void;
  /** Cuts every stream off: what the client has not taken is thrown away. */
  readonly cut: () => void;
}
