/** Bytes that the histories of all sessions together may hold: what is remembered for clients that may never come back. */
export interface HistoryBudget {
  /** Takes bytes from the budget; false: there are not so many left. */
  readonly take: (bytes: number) => boolean;
  readonly giveBack: (bytes: number) => void;
}

/** @param maxBytes 0: no bound. */
export function createHistoryBudget(maxBytes: number): HistoryBudget {
  let taken = 0;
  return {
    take: (bytes) => {
      if (maxBytes > 0 && taken + bytes > maxBytes) return false;
      taken += bytes;
      return true;
    },
    giveBack: (bytes) => {
      taken -= bytes;
    },
  };
}

export interface HistoryOptions {
  readonly budget: HistoryBudget;
  /** Events of one session that are remembered. */
  readonly maxEvents: number;
  /** Bytes of one session that are remembered; 0: no bound but the budget. */
  readonly maxBytes: number;
  /** An event older than this is forgotten. */
  readonly maxAgeMs: number;
}

interface Remembered {
  readonly stream: number;
  readonly sequence: number;
  readonly frame: Buffer;
  readonly at: number;
}

/** The events of one session's streams, the oldest first. */
export interface History {
  readonly add: (stream: number, sequence: number, frame: Buffer) => void;
  /** The frames of a stream after a sequence number, or "gap" if one of them is forgotten. */
  readonly after: (stream: number, sequence: number, lastSequence: number) => readonly Buffer[] | "gap";
  /** The frames of a stream after a sequence number that are still known. */
  readonly remaining: (stream: number, sequence: number) => readonly Buffer[];
  /** Forgets what is too old. */
  readonly expire: (now: number) => void;
  readonly clear: () => void;
}

/** Bounded by number, bytes and age for the session, and by the budget for all of them: the oldest events go first. */
export function createHistory({ budget, maxEvents, maxBytes, maxAgeMs }: HistoryOptions): History {
  // A Set keeps the order of arrival, and its first element is found and removed at once.
  const events = new Set<Remembered>();
  let bytes = 0;

  const forget = (event: Remembered) => {
    events.delete(event);
    bytes -= event.frame.length;
    budget.giveBack(event.frame.length);
  };

  const forgetOldest = (): boolean => {
    const [oldest] = events;
    if (oldest === undefined) return false;
    forget(oldest);
    return true;
  };

  const remaining = (stream: number, sequence: number): readonly Buffer[] =>
    [...events].filter((event) => event.stream === stream && event.sequence > sequence).map(({ frame }) => frame);

  return {
    add: (stream, sequence, frame) => {
      // One that alone is over the bound is not remembered: coming back for it is a gap.
      if (maxBytes > 0 && frame.length > maxBytes) return;
      while (events.size >= maxEvents || (maxBytes > 0 && bytes + frame.length > maxBytes)) forgetOldest();
      while (!budget.take(frame.length)) if (!forgetOldest()) return;
      bytes += frame.length;
      events.add({ stream, sequence, frame, at: performance.now() });
    },
    after: (stream, sequence, lastSequence) => {
      const known = remaining(stream, sequence);
      return known.length === lastSequence - sequence ? known : "gap";
    },
    remaining,
    expire: (now) => {
      for (const event of events) {
        if (now - event.at < maxAgeMs) break;
        forget(event);
      }
    },
    clear: () => {
      for (const event of events) forget(event);
    },
  };
}
