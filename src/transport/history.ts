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

/** Events of one stream that were sent in one piece: those with the sequence numbers from `first` to `last`. */
interface Remembered {
  readonly stream: number;
  readonly first: number;
  readonly last: number;
  readonly frames: Buffer;
  readonly at: number;
}

/** The events of one session's streams, the oldest first. */
export interface History {
  /** Remembers the event with a sequence number, or so many events up to that one. */
  readonly add: (stream: number, sequence: number, frames: Buffer, count?: number) => void;
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
  const pieces = new Set<Remembered>();
  let bytes = 0;
  let events = 0;

  const forget = (piece: Remembered) => {
    pieces.delete(piece);
    bytes -= piece.frames.length;
    events -= piece.last - piece.first + 1;
    budget.giveBack(piece.frames.length);
  };

  const forgetOldest = (): boolean => {
    const [oldest] = pieces;
    if (oldest === undefined) return false;
    forget(oldest);
    return true;
  };

  const after = (stream: number, sequence: number) =>
    [...pieces].filter((piece) => piece.stream === stream && piece.last > sequence);

  return {
    add: (stream, sequence, frames, count = 1) => {
      // One that alone is over the bound is not remembered: coming back for it is a gap.
      if (maxBytes > 0 && frames.length > maxBytes) return;
      while (events > 0 && (events + count > maxEvents || (maxBytes > 0 && bytes + frames.length > maxBytes)))
        forgetOldest();
      while (!budget.take(frames.length)) if (!forgetOldest()) return;
      bytes += frames.length;
      events += count;
      pieces.add({ stream, first: sequence - count + 1, last: sequence, frames, at: performance.now() });
    },
    after: (stream, sequence, lastSequence) => {
      const known = after(stream, sequence);
      let count = 0;
      for (const { first, last } of known) count += last - Math.max(first - 1, sequence);
      return count === lastSequence - sequence ? known.map((piece) => framesAfter(piece, sequence)) : "gap";
    },
    remaining: (stream, sequence) => after(stream, sequence).map((piece) => framesAfter(piece, sequence)),
    expire: (now) => {
      for (const piece of pieces) {
        if (now - piece.at < maxAgeMs) break;
        forget(piece);
      }
    },
    clear: () => {
      for (const piece of pieces) forget(piece);
    },
  };
}

/** The end of a frame: no message has a line break. */
const FRAME_END = Buffer.from("\n\n");

/** What of a piece comes after a sequence number. */
function framesAfter({ first, frames }: Remembered, sequence: number): Buffer {
  let start = 0;
  for (let skipped = first; skipped <= sequence; skipped++) start = frames.indexOf(FRAME_END, start) + FRAME_END.length;
  return frames.subarray(start);
}
