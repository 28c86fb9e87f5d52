import type { ProxyError } from "../base/errors.ts";
import type { RawMessage } from "./link.ts";

/**
 * What becomes of a call. Ids and tokens are the caller's own again. A handler that throws, or whose promise rejects, fails its
 * own call and no other: that call gets `onFailure`, the child is told, and the log has the cause.
 */
export interface CallEvents {
  /** Progress of the call, or a notification of the subscription that it opened. */
  readonly onNotification: (line: Buffer, method: string) => Promise<void> | undefined;
  readonly onAnswer: (line: Buffer) => Promise<void> | undefined;
  /** There will be no answer: the child is gone, or took too long. */
  readonly onFailure: (error: ProxyError) => void;
}

/** Hears what the child says that belongs to no call. */
export interface Bystander {
  readonly onNotification: (message: RawMessage) => Promise<void> | undefined;
  /** A request of the child's own; its answer goes to `write`. */
  readonly onRequest: (message: RawMessage) => void;
}
