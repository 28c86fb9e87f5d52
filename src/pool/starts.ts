/** What a start is told while it is under way, and what it tells. */
export interface StartTicket {
  /** Aborted when nobody waits for a start that has not begun, and when all starts are to end. */
  readonly signal: AbortSignal;
  /** To be called when there is a process: from now on the start goes on, whether anybody waits or not. */
  readonly onBegun: () => void;
}

/** A start that callers wait for, or have waited for. */
interface Start {
  readonly done: Promise<unknown>;
  readonly abandon: AbortController;
  readonly progress: Progress;
}

interface Progress {
  waiters: number;
  hasBegun: boolean;
  /** Ends it when nobody has waited for too long. */
  unwantedTimer: ReturnType<typeof setTimeout> | undefined;
}

export interface JoinOptions {
  /** Aborted when the caller waits no longer. */
  readonly signal: AbortSignal;
  /** Whether there may be a start for this caller beside those that others wait for, of which there are so many. */
  readonly mayBegin: (underWay: number) => boolean;
  readonly begin: (ticket: StartTicket) => Promise<unknown>;
}

/**
 * Starts of children that are alike. Callers share them. A start belongs to nobody's patience: one whose process runs goes on when all
 * have left, and whoever comes next joins it, since what a package manager has not finished it does all over again, or leaves broken.
 * Only a start that has not begun, and waits for its turn, is dropped with its last waiter.
 */
export interface Starts {
  /** Waits for a start to end, whatever has become of its child. @throws what it ended with. */
  readonly join: (options: JoinOptions) => Promise<void>;
  readonly underWay: () => number;
  readonly abandonAll: () => void;
}

/** @param unwantedMs how long a start goes on without anybody who waits; Infinity: until its own deadline. */
export function createStarts(unwantedMs = Number.POSITIVE_INFINITY): Starts {
  const starts = new Set<Start>();

  const beginOne = (begin: JoinOptions["begin"]): Start => {
    const abandon = new AbortController();
    const progress: Progress = { waiters: 0, hasBegun: false, unwantedTimer: undefined };
    const onBegun = () => {
      progress.hasBegun = true;
    };
    const done = begin({ signal: abandon.signal, onBegun }).finally(() => {
      clearTimeout(progress.unwantedTimer);
      starts.delete(start);
    });
    // Whoever waits for it is told. When all have left, nobody is there to be told.
    done.catch(() => undefined);
    const start: Start = { done, abandon, progress };
    starts.add(start);
    return start;
  };

  const onUnwanted = ({ abandon, progress }: Start) => {
    if (!progress.hasBegun) abandon.abort();
    else if (unwantedMs !== Number.POSITIVE_INFINITY)
      progress.unwantedTimer = setTimeout(() => abandon.abort(), unwantedMs);
  };

  /** The one that the fewest wait for. Those that are being cancelled would give their end for an answer. */
  const leastWanted = (): Start | undefined =>
    [...starts]
      .filter(({ abandon }) => !abandon.signal.aborted)
      .sort((a, b) => a.progress.waiters - b.progress.waiters)[0];

  return {
    join: async ({ signal, mayBegin, begin }) => {
      const joinable = leastWanted();
      const needsOwn = joinable === undefined || (joinable.progress.waiters > 0 && mayBegin(starts.size));
      const start = needsOwn ? beginOne(begin) : joinable;
      const { progress } = start;
      progress.waiters++;
      clearTimeout(progress.unwantedTimer);
      const { promise: left, resolve: onLeft } = Promise.withResolvers<void>();
      const leave = () => {
        if (--progress.waiters === 0) onUnwanted(start);
        onLeft();
      };
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      try {
        await Promise.race([start.done, left]);
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
