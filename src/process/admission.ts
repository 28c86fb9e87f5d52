/** A turn to start a child; released once, when the start is over. */
export type Turn = () => void;

export interface Admission {
  /**
   * Waits for a turn. Resolves to "timeout" when `waitMs` pass first, and to "cancelled" when nobody waits any more.
   */
  readonly enter: (waitMs: number, signal: AbortSignal) => Promise<Turn | "timeout" | "cancelled">;
  readonly waiting: () => number;
}

/**
 * While others wait, a turn is kept no longer: what has not answered by then waits for a network or for nothing at all, and a few
 * servers that hang would keep everybody else from starting.
 */
const LONGEST_TURN_MS = 10_000;

interface Waiter {
  readonly admit: (turn: Turn) => void;
}

/**
 * Lets at most `concurrentStarts` children start at once (0: any number): the rest wait in the order in which they came.
 * A thundering herd of npx installations is what brings a host down, not the processes that result; and twenty that start side by
 * side are all ready late, while four at a time are ready one after the other.
 *
 * @param longestTurnMs how long a turn is kept while others wait.
 */
export function createAdmission(concurrentStarts: number, longestTurnMs = LONGEST_TURN_MS): Admission {
  // A Set keeps the order of arrival, and lets a leaver go without a search.
  const waiters = new Set<Waiter>();
  /** Turns that have been kept for so long that the next who comes gets one of them. */
  const overdue = new Set<Turn>();
  let starting = 0;

  const makeTurn = (): Turn => {
    starting++;
    let held = true;
    const end = () => {
      if (!held) return;
      held = false;
      clearTimeout(timer);
      overdue.delete(end);
      starting--;
      const [next] = waiters;
      if (next === undefined) return;
      waiters.delete(next);
      next.admit(makeTurn());
    };
    const timer = setTimeout(() => {
      if (waiters.size > 0) end();
      else overdue.add(end);
    }, longestTurnMs);
    return end;
  };

  return {
    waiting: () => waiters.size,
    enter: async (waitMs, signal) => {
      if (signal.aborted) return "cancelled";
      const [longest] = overdue;
      if (concurrentStarts > 0 && starting >= concurrentStarts) longest?.();
      if (concurrentStarts === 0 || starting < concurrentStarts) return makeTurn();
      const { promise, resolve } = Promise.withResolvers<Turn | "timeout" | "cancelled">();
      const waiter: Waiter = { admit: resolve };
      waiters.add(waiter);
      // A leaver goes at once: a turn given to one that has stopped waiting would be lost for good.
      const leave = (reason: "timeout" | "cancelled") => {
        if (waiters.delete(waiter)) resolve(reason);
      };
      const timer = setTimeout(leave, waitMs, "timeout");
      const onAbort = () => leave("cancelled");
      signal.addEventListener("abort", onAbort);
      const result = await promise;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      return result;
    },
  };
}
