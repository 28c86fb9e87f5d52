import type { ServerLimits, ServerTimeouts } from "../../process/server.ts";
import type { Read } from "./reader.ts";
import { SERVER_LIMITS, SERVER_TIMEOUTS } from "./settings.ts";

/** The limits of servers, as the given reader finds them. */
export function readServerLimits(read: Read): ServerLimits {
  return {
    sessionsPerServer: read(SERVER_LIMITS.sessionsPerServer),
    lineBytes: read(SERVER_LIMITS.lineBytes),
    outboxBytes: read(SERVER_LIMITS.outboxBytes),
  };
}

/** The time limits of servers, likewise. */
export function readServerTimeouts(read: Read): ServerTimeouts {
  return {
    startMs: read(SERVER_TIMEOUTS.start),
    requestMs: read(SERVER_TIMEOUTS.request),
    idleMs: read(SERVER_TIMEOUTS.idle),
    silentMs: read(SERVER_TIMEOUTS.silent),
    lifetimeMs: read(SERVER_TIMEOUTS.lifetime),
    warmMs: read(SERVER_TIMEOUTS.warm),
    parkedMs: read(SERVER_TIMEOUTS.parked),
    probeMs: read(SERVER_TIMEOUTS.probe),
    heartbeatMs: read(SERVER_TIMEOUTS.heartbeat),
    stalledWriteMs: read(SERVER_TIMEOUTS.stalledWrite),
    gracefulStopMs: read(SERVER_TIMEOUTS.gracefulStop),
  };
}
