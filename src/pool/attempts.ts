/** Tries to start a child, of which it is not known yet what becomes of them. */
export interface Attempts {
  /** Counts a try of this caller from before its first step to its end. */
  readonly count: <T>(key: string, begin: () => Promise<T>) => Promise<T>;
  /** Those of a caller, also for nobody any more. */
  readonly of: (key: string) => number;
  readonly underWay: ReadonlySet<Promise<unknown>>;
}

export function createAttempts(): Attempts {
  const underWay = new Set<Promise<unknown>>();
  const counts = new Map<string, number>();

  const change = (key: string, by: 1 | -1) => {
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  };

  return {
    count: async (key, begin) => {
      change(key, 1);
      const begun = begin();
      underWay.add(begun);
      try {
        return await begun;
      } finally {
        underWay.delete(begun);
        change(key, -1);
      }
    },
    of: (key) => counts.get(key) ?? 0,
    underWay,
  };
}
