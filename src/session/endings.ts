import { ERRORS, type ErrorCode } from "../base/errors.ts";

/** Why a session ended: one word for the log. */
export type EndReason =
  | "client-closed"
  | "stalled"
  | "idle"
  | "silent"
  | "lifetime"
  | "evicted"
  | "start-timeout"
  | "child-exited"
  | "unavailable"
  | "line-too-large"
  | "shutdown"
  | "deleted"
  | "internal-error";

/** What the client is told by default, of each reason. */
export const ENDINGS: Readonly<Record<EndReason, { readonly code: ErrorCode; readonly message: string }>> = {
  "client-closed": { code: "client_left", message: "The client closed the session." },
  stalled: { code: "client_left", message: "The client took no data any more; the session was ended." },
  idle: { code: "session_not_found", message: "The session was ended: no message for too long, and no open stream." },
  silent: { code: "session_not_found", message: "The session was ended: no message for too long." },
  lifetime: { code: "session_not_found", message: "The session reached its longest lifetime." },
  evicted: { code: "session_not_found", message: "The session was ended to make room for another: it was idle." },
  "start-timeout": { code: "start_timeout", message: ERRORS.start_timeout.summary },
  "child-exited": { code: "child_exited", message: ERRORS.child_exited.summary },
  unavailable: { code: "internal_error", message: ERRORS.internal_error.summary },
  "line-too-large": { code: "child_line_too_large", message: ERRORS.child_line_too_large.summary },
  deleted: { code: "session_not_found", message: "The client ended the session." },
  shutdown: { code: "draining", message: "The proxy is shutting down; the session was ended." },
  "internal-error": { code: "internal_error", message: ERRORS.internal_error.summary },
};
