/** A turn to start a child; released once, when the start is over. */
export type Turn = () => void;

export interface Admission {
  /**
   * Waits for a turn. Resolves to "timeout" when `waitMs` pass first, and to "cancelled" when nobody waits any more.
   */
  readonly enter: (waitMs: number, signal: AbortSignal) => Promise<Turn | "timeout" | "cancelled">;
  readonly waiting: () => number;
}

interface Waiter {
  readonly admit: (turn: Turn) => void;
}

/**
 * Lets at most `concurrentStarts` children start at once (0: any number): the rest wait in the order in which they came.
 * A thundering herd of npx installations is what brings a host down, not the processes that result.
 */
export function createAdmission(concurrentStarts: number): Admission {
  // A Set keeps the order of arrival, and lets a leaver go without a search.
  const waiters = new Set<Waiter>();
  let starting = 0;

  const makeTurn = (): Turn => {
    starting++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      starting--;
      const [next] = waiters;
      if (next === undefined) return;
      waiters.delete(next);
      next.admit(makeTurn());
    };
  };

  return {
    waiting: () => waiters.size,
    enter: async (waitMs, signal) => {
      if (signal.aborted) return "cancelled";
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
