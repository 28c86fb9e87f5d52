import type { ErrorCode } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

export interface RefusalLogOptions {
  readonly log: Logger;
  /** How long refusals are summed up for, in milliseconds. Default: a minute. */
  readonly everyMs?: number;
}

/**
 * Refusals that cost whoever is refused nothing: without a token, or over a rate. With a line each, anybody could fill the
 * disk; so the first of a cause has its line, and the rest of the minute is one line a cause, with their number.
 */
export interface RefusalLog {
  /** Counts one. True: it is to have a line of its own. */
  readonly count: (cause: ErrorCode) => boolean;
  /** Sums up what was counted so far. */
  readonly close: () => void;
}

export function createRefusalLog({ log, everyMs = 60_000 }: RefusalLogOptions): RefusalLog {
  /** By cause, of which there are as many as the catalogue of errors has. */
  const counts = new Map<ErrorCode, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let since = 0;

  const sumUp = () => {
    clearTimeout(timer);
    timer = undefined;
    const seconds = Math.round((performance.now() - since) / 1000);
    for (const [code, requests] of counts) if (requests > 1) log.info({ code, requests, seconds }, "requests refused");
    counts.clear();
  };

  return {
    count: (cause) => {
      const before = counts.get(cause) ?? 0;
      counts.set(cause, before + 1);
      if (timer === undefined) {
        since = performance.now();
        timer = setTimeout(sumUp, everyMs);
        // It has nothing to say that a process which is otherwise done should wait for.
        timer.unref();
      }
      return before === 0;
    },
    close: sumUp,
  };
}
