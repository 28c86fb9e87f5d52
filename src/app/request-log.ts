import type { Logger } from "../base/logger.ts";
import type { Arrival } from "./arrival.ts";

/** What a line of the log tells of every request. */
export interface RequestFacts {
  /** The route's pattern, and not the path that was sent. */
  readonly route: string;
  readonly status: number;
  /** When the request came, in milliseconds of `performance.now()`. */
  readonly since: number;
}

/** One line a request. What a client sent is named only as far as it is no credential: never a query, never a header. */
export interface RequestLog {
  /** Whether it is written: what only a line tells need not be found out otherwise. */
  readonly isOn: boolean;
  readonly write: (arrival: Arrival, facts: RequestFacts, more: Readonly<Record<string, unknown>>) => void;
}

export function createRequestLog(log: Logger): RequestLog {
  const isOn = log.isLevelEnabled("info");
  return {
    isOn,
    write: ({ request }, { route, status, since }, more) => {
      if (isOn) log.info({ method: request.method, route, status, ms: elapsed(since), ...more }, "request");
    },
  };
}

function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 1000) / 1000;
}
