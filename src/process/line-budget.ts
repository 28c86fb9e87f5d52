/** Lines of one child that are logged at once; further ones wait for the rate below. */
const BURST = 1_000;
/** Lines a second, on average. */
const PER_SECOND = 100;

/** Bounds what a child that floods its stderr puts into the log. */
export interface LineBudget {
  /** Whether one more line may be logged; it is counted as left out when not. */
  readonly take: () => boolean;
  /** How many lines were left out since this was last asked. */
  readonly takeLeftOut: () => number;
}

/** @param now milliseconds, as `performance.now()`. */
export function createLineBudget(now: () => number = () => performance.now()): LineBudget {
  let left = BURST;
  let since = now();
  let leftOut = 0;
  return {
    take: () => {
      const time = now();
      left = Math.min(BURST, left + ((time - since) * PER_SECOND) / 1_000);
      since = time;
      if (left < 1) {
        leftOut++;
        return false;
      }
      left--;
      return true;
    },
    takeLeftOut: () => {
      const taken = leftOut;
      leftOut = 0;
      return taken;
    },
  };
}
