/** A start that callers wait for. */
interface Start {
  readonly done: Promise<unknown>;
  readonly abandon: AbortController;
  waiters: number;
}

export interface JoinOptions {
  /** Aborted when the caller waits no longer. */
  readonly signal: AbortSignal;
  /** Whether there may be a start for this caller beside those that others wait for, of which there are so many. */
  readonly mayBegin: (underWay: number) => boolean;
  readonly begin: (signal: AbortSignal) => Promise<unknown>;
}

/** Starts of children that are alike. Callers share them; one that nobody waits for any more is cancelled. */
export interface Starts {
  /** Waits for a start to end, whatever has become of its child. @throws what it ended with. */
  readonly join: (options: JoinOptions) => Promise<void>;
  readonly underWay: () => number;
  readonly abandonAll: () => void;
}

export function createStarts(): Starts {
  const starts = new Set<Start>();

  const beginOne = (begin: JoinOptions["begin"]): Start => {
    const abandon = new AbortController();
    const start: Start = {
      done: begin(abandon.signal).finally(() => starts.delete(start)),
      abandon,
      waiters: 0,
    };
    starts.add(start);
    return start;
  };

  /** The one that the fewest wait for. Those that are being cancelled would give their end for an answer. */
  const leastWanted = (): Start | undefined =>
    [...starts].filter(({ abandon }) => !abandon.signal.aborted).sort((a, b) => a.waiters - b.waiters)[0];

  return {
    join: async ({ signal, mayBegin, begin }) => {
      const joinable = leastWanted();
      const needsOwn = joinable === undefined || (joinable.waiters > 0 && mayBegin(starts.size));
      const start = needsOwn ? beginOne(begin) : joinable;
      start.waiters++;
      const leave = () => {
        if (--start.waiters === 0) start.abandon.abort();
      };
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      try {
        await start.done;
      } finally {
        signal.removeEventListener("abort", leave);
      }
    },
    underWay: () => starts.size,
    abandonAll: () => {
      for (const { abandon } of starts) abandon.abort();
    },
  };
}
