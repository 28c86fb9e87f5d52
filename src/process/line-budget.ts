import { TokenBuckets } from "../base/token-buckets.ts";

/** Lines of one child that are logged at once; further ones wait for the rate below. */
const BURST = 1_000;
const PER_MINUTE = 6_000;

/** Bounds what a child that floods its stderr puts into the log. */
export interface LineBudget {
  /** Whether one more line may be logged; it is counted as left out when not. */
  readonly take: () => boolean;
  /** How many lines were left out since this was last asked. */
  readonly takeLeftOut: () => number;
}

/** @param now milliseconds, as `performance.now()`. */
export function createLineBudget(now: () => number = () => performance.now()): LineBudget {
  const buckets = new TokenBuckets({ capacity: BURST, refillPerMinute: PER_MINUTE, maxBuckets: 1, now });
  let leftOut = 0;
  return {
    take: () => {
      const { allowed } = buckets.take("lines");
      if (!allowed) leftOut++;
      return allowed;
    },
    takeLeftOut: () => {
      const taken = leftOut;
      leftOut = 0;
      return taken;
    },
  };
}
