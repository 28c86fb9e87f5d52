/** Callers that wait for something to change. */
export interface Turns {
  /** Resolves at the next change, when `signal` is aborted, or after so many milliseconds. */
  readonly untilChanged: (signal: AbortSignal, limitMs: number) => Promise<void>;
  /** Something has changed: all who wait look again. */
  readonly wakeAll: () => void;
}

export function createTurns(): Turns {
  const waiters = new Set<() => void>();
  return {
    untilChanged: async (signal, limitMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiters.add(resolve);
      const leave = () => resolve();
      signal.addEventListener("abort", leave);
      const timer = setTimeout(resolve, limitMs);
      await promise;
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      waiters.delete(resolve);
    },
    wakeAll: () => {
      for (const wake of waiters) wake();
      waiters.clear();
    },
  };
}
