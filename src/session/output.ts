import type { RawMessage } from "../link/link.ts";
import type { IdKey } from "../wire/message.ts";

/** A message of the child on its way to the client. */
export interface OutgoingMessage extends Omit<RawMessage, "about"> {
  /** The client's request that it belongs to, as far as the message says so: an answer, or progress. By the key that `receive` gave. */
  readonly about: IdKey | undefined;
}

/** Where a session's messages to the client go; each transport has its own. */
export interface SessionOutput {
  /** Sends the child's messages, in order. While the promise is pending the client is slow, and no more must come. */
  readonly deliver: (messages: readonly OutgoingMessage[]) => Promise<void> | undefined;
  /** Sends an answer of the proxy's own to a request that the child will not answer. */
  readonly answer: (id: IdKey, json: string) => void;
  /** Whether each request's answer comes back by itself: requests under one id can then be told apart. */
  readonly separatesAnswers: boolean;
  /** The client has taken a request back: nobody will answer it. */
  readonly abandon: (id: IdKey) => void;
  /** Whether a stream to the client is open: silence is then measured by another limit. */
  readonly isOpen: () => boolean;
  /** Whether a request of the child's would reach the client now. */
  readonly isListening: () => boolean;
  /** Does what is due now, heartbeats for instance. "stalled": the client takes nothing any more; "gone": it has left, and not come back. */
  readonly check: (now: number) => "ok" | "stalled" | "gone";
  /** How soon after a request `check` wants to be called, in milliseconds; Infinity: it does not care. */
  readonly patienceMs: number;
  /** When `check` wants to be called next, or Infinity. */
  readonly nextCheck: () => number;
  /** Ends every stream; `farewell` is told to a client that waits for no answer. */
  readonly close: (farewell: string | undefined) => void;
  /** Cuts every stream off: what the client has not taken is thrown away. */
  readonly cut: () => void;
}
