import type { Server } from "../process/server.ts";
import type { Opening } from "./opening.ts";
import type { OwnStart } from "./own-start.ts";

/** Starts without a client of one caller, and in all. One more is ended with its client: those that are there are further on. */
const MAX_OF_CALLER = 4;
const MAX_ORPHANS = 64;

/** How long a start goes on without a client where the server sets no time for a start. */
const LONGEST_START_MS = 180_000;

interface Orphan {
  readonly caller: string;
  readonly start: OwnStart;
  readonly gone: Promise<void>;
  readonly onGone: (gone: Promise<void> | void) => void;
  readonly warmMs: number;
  isReady: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Starts whose client has left: each goes on until it has answered, and waits a while for the caller's next attempt. */
export interface Orphans {
  /**
   * Takes a start whose client leaves. @returns when another session has it, or nothing is left of it; undefined: it is not taken.
   * @param warmMs how long it may wait for a client once it is ready.
   */
  readonly keep: (caller: string, start: OwnStart, warmMs: number) => Promise<void> | undefined;
  /** The one of the caller's that is furthest on of those that fit. */
  readonly take: (caller: string, opening: Opening) => OwnStart | undefined;
  /** Whether there is one for the caller; of those that fit, where it is known what is to be opened with. */
  readonly has: (caller: string, opening: Opening | undefined) => boolean;
  /** Ends the one that has been without a client for longest, of a server or of all. @returns when it is gone; undefined: there is none. */
  readonly endOldest: (of: Server | undefined) => Promise<void> | undefined;
  /** Ends all, and takes no more. */
  readonly close: () => void;
}

export function createOrphans(): Orphans {
  const callers = new Map<string, Set<Orphan>>();
  /** In the order in which their clients left. */
  const all = new Set<Orphan>();
  let isClosed = false;

  /** Whether it was still there. */
  const remove = (orphan: Orphan): boolean => {
    if (!all.delete(orphan)) return false;
    const own = callers.get(orphan.caller);
    own?.delete(orphan);
    if (own?.size === 0) callers.delete(orphan.caller);
    clearTimeout(orphan.timer);
    return true;
  };

  const end = (orphan: Orphan) => {
    if (remove(orphan)) orphan.onGone(orphan.start.stop());
  };

  const expireIn = (orphan: Orphan, ms: number) => {
    clearTimeout(orphan.timer);
    orphan.timer = setTimeout(() => end(orphan), ms);
  };

  return {
    keep: (caller, start, warmMs) => {
      const deadline = start.deadline();
      const leftMs = deadline === Number.POSITIVE_INFINITY ? LONGEST_START_MS : deadline - performance.now();
      const isFull = (callers.get(caller)?.size ?? 0) >= MAX_OF_CALLER || all.size >= MAX_ORPHANS;
      if (isClosed || isFull || leftMs <= 0 || !start.isUnclaimed()) return undefined;
      const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
      const orphan: Orphan = { caller, start, gone, onGone, warmMs, isReady: false, timer: undefined };
      const own = callers.get(caller) ?? new Set();
      callers.set(caller, own.add(orphan));
      all.add(orphan);
      start.detach();
      expireIn(orphan, leftMs);
      void start.answered.then(() => {
        orphan.isReady = true;
        // One that no client has waited for has gone on for what it had to install, and is of no more use.
        if (all.has(orphan)) expireIn(orphan, start.isWanted() ? warmMs : 0);
      });
      void start.useless.then(() => end(orphan));
      return gone;
    },
    take: (caller, opening) => {
      const fitting = [...(callers.get(caller) ?? [])].filter(({ start }) => start.fits(opening));
      const chosen = fitting.find(({ isReady }) => isReady) ?? fitting[0];
      if (chosen === undefined || !remove(chosen)) return undefined;
      chosen.onGone();
      return chosen.start;
    },
    has: (caller, opening) =>
      [...(callers.get(caller) ?? [])].some(({ start }) => opening === undefined || start.fits(opening)),
    endOldest: (of) => {
      const oldest = [...all].find(({ start }) => of === undefined || start.server === of);
      if (oldest === undefined) return undefined;
      end(oldest);
      return oldest.gone;
    },
    close: () => {
      isClosed = true;
      for (const orphan of all) end(orphan);
    },
  };
}
