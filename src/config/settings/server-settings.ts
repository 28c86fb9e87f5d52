import { COUNT, DURATION, SIZE } from "./kind.ts";
import { named } from "./setting.ts";
import { HOUR, MB, MINUTE, SECOND } from "./units.ts";

/** A server's own limits: each is a setting of the whole proxy, and an entry of the allowlist may have its own value. */
export const SERVER_LIMITS = {
  sessionsPerServer: named(
    "limits.sessionsPerServer",
    COUNT,
    100,
    "Sessions open at once on one server; more get 503. Each is a process tree: npx takes some 80 MB. 0: no limit.",
  ),
  lineBytes: named(
    "limits.lineBytes",
    SIZE,
    16 * MB,
    "Longest message from a child; a longer one ends the session. 0: no limit, so one child can fill the memory.",
  ),
  outboxBytes: named(
    "limits.outboxBytes",
    SIZE,
    4 * MB,
    "Bytes that may wait for a server that does not read; beyond, messages get 503. Also the bytes that are kept for a Streamable HTTP client, with a session or without, until it comes back. 0: no limit, so one slow server can fill the memory.",
  ),
};

/** A server's own time limits, likewise. */
export const SERVER_TIMEOUTS = {
  startMs: named(
    "timeouts.start",
    DURATION,
    3 * MINUTE,
    "From a session's first request to the child's first answer, and the longest wait for a turn to start. npx may have to download first. 0: off.",
  ),
  requestMs: named(
    "timeouts.request",
    DURATION,
    3 * MINUTE,
    "From a request to its answer; progress of the request starts it anew, and it stands still while the client is asked for something. 0: off.",
  ),
  idleMs: named(
    "timeouts.idle",
    DURATION,
    30 * MINUTE,
    "Ends a session without JSON-RPC traffic while no stream is open. 0: off, and what clients leave behind stays until `timeouts.lifetime`.",
  ),
  silentMs: named(
    "timeouts.silent",
    DURATION,
    2 * HOUR,
    "Ends a session without JSON-RPC traffic while a stream is open: a client that vanished looks like a quiet one. 0: off.",
  ),
  reconnectMs: named(
    "timeouts.reconnect",
    DURATION,
    60 * SECOND,
    "How long the session of an HTTP+SSE client whose connection was cut waits for it to come back with `Last-Event-ID`, as every EventSource does by itself; what it misses is kept, within `limits.outboxBytes`. 0: the session ends with its connection.",
  ),
  lifetimeMs: named(
    "timeouts.lifetime",
    DURATION,
    24 * HOUR,
    "Ends a session of this age, busy or not, and a shared child of this age as soon as nobody uses it. 0: off.",
  ),
  warmMs: named(
    "timeouts.warm",
    DURATION,
    5 * MINUTE,
    "How long a shared child that nobody uses is kept for the next stateless request or shared session. 0: ended at once.",
  ),
  parkedMs: named(
    "timeouts.parked",
    DURATION,
    5 * MINUTE,
    "How long a server may wait for what it asked the user of a client (elicitation, sampling); then it gets an error. A call that waits for the input of a stateless client is cancelled then, and its `requestState` is worth nothing. 0: for as long as the proxy runs.",
  ),
  probeMs: named(
    "timeouts.probe",
    DURATION,
    5 * SECOND,
    "How long a server that is met for the first time may take, from its first sign of life, to answer `server/discover` before it is asked `initialize` too. 0: `initialize` is asked first, and `server/discover` only after a refusal that shows a server of revision 2026-07-28 alone.",
  ),
  heartbeatMs: named(
    "timeouts.heartbeat",
    DURATION,
    10 * SECOND,
    "Between two comments on a quiet event stream: they keep hops from closing it and find clients that are gone. 0: off.",
  ),
  stalledWriteMs: named(
    "timeouts.stalledWrite",
    DURATION,
    30 * SECOND,
    "A write to a client that makes no headway for so long means that the client is gone. 0: off, and a stuck client keeps its child.",
  ),
  gracefulStopMs: named(
    "timeouts.gracefulStop",
    DURATION,
    10 * SECOND,
    "From closing a child's stdin, through SIGTERM, to SIGKILL. 0: killed at once.",
  ),
};
