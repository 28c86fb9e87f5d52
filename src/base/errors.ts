/** Whose doing an error is: it decides who should act on it. */
export type Fault = "client" | "limit" | "child" | "proxy";

interface ErrorKind {
  /** HTTP status of the answer (RFC 9110). */
  readonly status: number;
  /** Error code of the JSON-RPC answer on routes that carry MCP (JSON-RPC 2.0, section 5.1). */
  readonly rpc: number;
  readonly fault: Fault;
  /** What it means, and what the reader can do. The table of docs/errors.md holds the same sentence. */
  readonly summary: string;
}

/**
 * Every error that a caller can see. A test holds this table and that of docs/errors.md together, in both directions.
 *
 * JSON-RPC codes: -32700 and -32600 as JSON-RPC defines them; -32001 where the official SDKs read "request timed out" or
 * "session not found"; -32000 ("connection closed" in the SDKs) for a child that is gone and for every refusal.
 */
export const ERRORS = {
  invalid_json: { status: 400, rpc: -32700, fault: "client", summary: "The body is not valid UTF-8 JSON." },
  invalid_request: { status: 400, rpc: -32600, fault: "client", summary: "The body is not one JSON-RPC 2.0 message." },
  bad_header: { status: 400, rpc: -32600, fault: "client", summary: "A request header or parameter is malformed." },
  bad_path: {
    status: 400,
    rpc: -32600,
    fault: "client",
    summary:
      "The path has a backslash, a . or .. segment, an empty segment or a broken percent-encoding, so it could mean another thing to a hop in front.",
  },
  client_variable_refused: {
    status: 400,
    rpc: -32600,
    fault: "client",
    summary: "An ENV_ header names a variable that this server does not take, or its value is not acceptable.",
  },
  client_variable_missing: {
    status: 400,
    rpc: -32600,
    fault: "client",
    summary: "The server requires a client variable that was not sent as an ENV_ header.",
  },
  header_mismatch: {
    status: 400,
    rpc: -32020,
    fault: "client",
    summary: "A header that 2026-07-28 requires is missing or malformed, or says something else than the body.",
  },
  capability_missing: {
    status: 400,
    rpc: -32021,
    fault: "client",
    summary: "The server needs something of the client that the request's clientCapabilities do not declare.",
  },
  revision_unsupported: {
    status: 400,
    rpc: -32022,
    fault: "client",
    summary:
      "The request is of a revision of MCP that the proxy does not speak; data.supported lists those that it does.",
  },
  invalid_envelope: {
    status: 400,
    rpc: -32602,
    fault: "client",
    summary: "The request's _meta lacks a field that 2026-07-28 requires, or has one of the wrong type.",
  },
  invalid_params: {
    status: 400,
    rpc: -32602,
    fault: "client",
    summary: "A member of the request's params that the proxy reads is of the wrong type.",
  },
  request_state_refused: {
    status: 400,
    rpc: -32602,
    fault: "client",
    summary:
      "The requestState is not one that the proxy gave for this request, or it was used already, or has expired.",
  },
  session_id_missing: { status: 400, rpc: -32600, fault: "client", summary: "The request names no session." },
  unauthorized: {
    status: 401,
    rpc: -32000,
    fault: "client",
    summary:
      "The bearer token is missing or wrong: send the header Authorization: Bearer <token>, or X-Api-Key: <token>, with the token that the operator of this proxy gave out (its MAXIM_SECRET).",
  },
  server_not_allowed: {
    status: 403,
    rpc: -32000,
    fault: "client",
    summary: "The server is not on the allowlist. A command line must match exactly, spaces included.",
  },
  origin_refused: { status: 403, rpc: -32000, fault: "client", summary: "The Origin header is not an allowed origin." },
  host_refused: { status: 403, rpc: -32000, fault: "client", summary: "The Host header is not an allowed host name." },
  method_not_found: {
    status: 404,
    rpc: -32601,
    fault: "client",
    summary: "Neither the server nor revision 2026-07-28 has this method.",
  },
  // Whoever looks for an authorization server shows its user this sentence.
  not_found: {
    status: 404,
    rpc: -32600,
    fault: "client",
    summary:
      "There is nothing at this URL. A client that came here to sign in: this proxy has no OAuth. It takes the token that its operator gave out, in the header Authorization: Bearer <token>.",
  },
  session_not_found: {
    status: 404,
    rpc: -32001,
    fault: "client",
    summary: "No such session: it ended, or it belongs to another server, transport or caller. Open a new one.",
  },
  method_not_allowed: { status: 405, rpc: -32600, fault: "client", summary: "This URL does not take this method." },
  not_acceptable: {
    status: 406,
    rpc: -32600,
    fault: "client",
    summary: "The Accept header rules out the content types that this URL answers with.",
  },
  body_timeout: { status: 408, rpc: -32600, fault: "client", summary: "The request body did not arrive in time." },
  body_too_large: {
    status: 413,
    rpc: -32600,
    fault: "client",
    summary: "The request body is over limits.requestBytes.",
  },
  unsupported_media_type: {
    status: 415,
    rpc: -32600,
    fault: "client",
    summary: "The body must be application/json in UTF-8, without a content encoding.",
  },
  client_left: {
    // nginx's number for it: the log has it, and there is nobody to send it to.
    status: 499,
    rpc: -32000,
    fault: "client",
    summary: "The client left before there was an answer. Only the log says so.",
  },
  rate_limited: {
    status: 429,
    rpc: -32000,
    fault: "limit",
    summary: "Too many requests. Retry after Retry-After seconds.",
  },
  too_many_in_flight: {
    status: 429,
    rpc: -32000,
    fault: "limit",
    summary: "The session already has as many unanswered requests as it may have.",
  },
  internal_error: {
    status: 500,
    rpc: -32603,
    fault: "proxy",
    summary: "The proxy failed; the log has the detail under the id.",
  },
  child_start_failed: {
    status: 502,
    rpc: -32000,
    fault: "child",
    summary: "The server's process could not be started.",
  },
  child_exited: { status: 502, rpc: -32000, fault: "child", summary: "The server's process ended before it answered." },
  child_refused: {
    status: 502,
    rpc: -32000,
    fault: "child",
    summary: "The server refused to be initialised, or speaks no revision of MCP that the proxy knows.",
  },
  child_line_too_large: {
    status: 502,
    rpc: -32000,
    fault: "child",
    summary: "The server wrote a message over limits.lineBytes; the session was ended.",
  },
  child_bad_answer: {
    status: 502,
    rpc: -32000,
    fault: "child",
    summary: "The server's answer to this request cannot be read; the message says what is wrong with it.",
  },
  draining: { status: 503, rpc: -32000, fault: "limit", summary: "The proxy is shutting down." },
  host_exhausted: {
    status: 503,
    rpc: -32000,
    fault: "limit",
    summary: "The host has no processes, memory or file descriptors left for another child.",
  },
  session_limit: {
    status: 503,
    rpc: -32000,
    fault: "limit",
    summary: "As many sessions are open as the proxy allows.",
  },
  server_session_limit: {
    status: 503,
    rpc: -32000,
    fault: "limit",
    summary: "As many sessions are open on this server as the proxy allows.",
  },
  pool_full: {
    status: 503,
    rpc: -32000,
    fault: "limit",
    summary: "As many shared children run as limits.pooledChildren allows, and all of them are in use.",
  },
  parked_limit: {
    status: 503,
    rpc: -32000,
    fault: "limit",
    summary: "As many calls wait for input of their clients as limits.parkedCalls allows.",
  },
  crash_loop: {
    status: 503,
    rpc: -32000,
    fault: "child",
    summary: "The server keeps crashing for this caller; it is given a rest before the next start.",
  },
  start_queue_full: {
    status: 503,
    rpc: -32000,
    fault: "limit",
    summary: "Too many servers are starting at once, and this one's turn did not come in time.",
  },
  child_busy: {
    status: 503,
    rpc: -32000,
    fault: "child",
    summary: "The server is not reading its input, and as much as may be queued for it is queued.",
  },
  child_timeout: {
    status: 504,
    rpc: -32001,
    fault: "child",
    summary: "The server did not answer within timeouts.request.",
  },
  start_timeout: {
    status: 504,
    rpc: -32001,
    fault: "child",
    summary: "The server gave no first answer within timeouts.start; the session was ended.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** What a ProxyError may carry besides its code. */
export interface ErrorDetail {
  /** One sentence for the caller: what was expected, what came, what to do. Never a secret, a path or a stack. */
  readonly message?: string;
  /** Seconds for the Retry-After field of the answer. */
  readonly retryAfterSeconds?: number;
  /** More members for `error.data` of a JSON-RPC answer, for instance the exit code of a child. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Header fields that the answer must have, for instance WWW-Authenticate. */
  readonly fields?: Readonly<Record<string, string>>;
  /** JSON text of the id of the request that is refused; the answer has the id null where it is left out. */
  readonly rpcId?: string;
  /** The inner cause: it goes to the log, never to the caller. */
  readonly cause?: unknown;
}

/** A refusal or failure with a place in the catalogue. Everything else that is thrown is answered as internal_error. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  readonly fields: Readonly<Record<string, string>> | undefined;
  readonly rpcId: string | undefined;

  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    super(detail.message ?? ERRORS[code].summary, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.data = detail.data;
    this.fields = detail.fields;
    this.rpcId = detail.rpcId;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
