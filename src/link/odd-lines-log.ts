import type { Logger } from "../base/logger.ts";
import { TokenBuckets } from "../base/token-buckets.ts";
import type { Redactor } from "../process/redact.ts";

/** Of lines that are no messages, so many are shown at once and then so many a minute; the rest is counted. */
const BURST = 10;
const PER_MINUTE = 6;

/** So much is shown of a line. */
const SHOWN_CHARACTERS = 300;
/** So much is quoted to the client whose answer it was. */
const QUOTED_CHARACTERS = 120;

export interface OddLinesLogOptions {
  readonly log: Logger;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Takes the operator's and the client's credentials out. */
  readonly redactor: Redactor;
}

/** Shows the operator what a child writes that is no message, or not quite: shortened, without credentials, and not without end. */
export interface OddLinesLog {
  /** A line that is dropped, and why. */
  readonly drop: (line: Buffer, reason: string) => void;
  /** What had to be put right in a message: each kind once. */
  readonly repaired: (repairs: readonly string[]) => void;
  /** Lines dropped so far. */
  readonly dropped: () => number;
  /** The beginning of a line, without credentials, for the client whose answer it was. */
  readonly quote: (line: Buffer) => string;
}

export function createOddLinesLog({ log, context, redactor }: OddLinesLogOptions): OddLinesLog {
  const buckets = new TokenBuckets({
    capacity: BURST,
    refillPerMinute: PER_MINUTE,
    maxBuckets: 1,
    now: () => performance.now(),
  });
  const repairsShown = new Set<string>();
  let dropped = 0;
  let leftOut = 0;

  /** Redacted before it is cut: half a secret is still one. */
  const shown = (line: Buffer, characters: number): string => {
    const text = redactor.redact(line.toString("utf8", 0, 4 * characters + redactor.longest));
    const clean = text.slice(0, characters).replaceAll(CONTROL, " ").trim();
    return text.length > characters || line.length > 4 * characters ? `${clean}…` : clean;
  };

  return {
    drop: (line, reason) => {
      dropped++;
      if (!buckets.take("lines").allowed) {
        leftOut++;
        return;
      }
      const more = leftOut === 0 ? {} : { leftOut };
      leftOut = 0;
      const text = shown(line, SHOWN_CHARACTERS);
      log.warn(
        { ...context, bytes: line.length, reason, line: text, ...more },
        "dropped a line of the child that is no message",
      );
    },
    repaired: (repairs) => {
      for (const repair of repairs) {
        if (repairsShown.has(repair)) continue;
        repairsShown.add(repair);
        log.warn({ ...context, repair }, "put right what the child wrote; further messages like it are not mentioned");
      }
    },
    dropped: () => dropped,
    quote: (line) => shown(line, QUOTED_CHARACTERS),
  };
}

const CONTROL = /[\0-\x1f\x7f]+/g;
