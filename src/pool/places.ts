import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

/** One caller's children are so much of the pool at the most, where that leaves others a place. */
const SHARE = 0.75;

export interface PlacesOptions {
  /** Places in all; 0: any number. */
  readonly maxChildren: number;
  /** Places that a caller has beside the one that it asks for: its children, those included that are starting. */
  readonly countOthers: (key: string) => number;
  /** Ends the child that has been idle for longest, of all or of one caller's. @returns whether there was one. */
  readonly evict: (ofKey?: string) => boolean;
  /** No child is to be started any more. */
  readonly isDraining: () => boolean;
  readonly log: Logger;
}

/** The places of the pool's children. Each is taken from before its child is started until that child is gone. */
export interface Places {
  /** Makes room, where there is none, by a child that is idle. @throws ProxyError pool_full, draining. */
  readonly take: (key: string) => Promise<void>;
  /** Gives back a place for which no child has come. */
  readonly giveBack: () => void;
  /** Stops a child, and gives back its place when it is gone. */
  readonly stopChild: (stop: () => Promise<void>, context: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly taken: () => number;
  /** Children that are being stopped; each resolves when its child is gone. */
  readonly stopping: ReadonlySet<Promise<void>>;
}

export function createPlaces({ maxChildren, countOthers, evict, isDraining, log }: PlacesOptions): Places {
  const share = maxChildren === 0 ? Number.POSITIVE_INFINITY : Math.ceil(maxChildren * SHARE);
  const stopping = new Set<Promise<void>>();
  /** Starts that wait for the place of a child that is being stopped. */
  let queued = 0;
  let taken = 0;

  const isGreedy = (key: string): boolean => share < maxChildren && countOthers(key) >= share;

  return {
    take: async (key) => {
      if (isGreedy(key) && !evict(key)) {
        throw new ProxyError("pool_full", {
          message: `${share} shared children are in use for this caller with these client variables, as many as one may have.`,
          retryAfterSeconds: 10,
        });
      }
      for (;;) {
        if (isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
        if (maxChildren === 0 || taken < maxChildren) break;
        // One that ends anyway makes room for one start; the child that was lost to finding out the era, for its successor.
        if (stopping.size <= queued && !evict()) throw new ProxyError("pool_full", { retryAfterSeconds: 10 });
        queued++;
        await Promise.race(stopping);
        queued--;
      }
      taken++;
    },
    giveBack: () => {
      taken--;
    },
    stopChild: (stop, context) => {
      const stopped: Promise<void> = stop()
        .catch((error: unknown) => log.error({ ...context, err: error }, "stopping the child failed"))
        .then(() => {
          taken--;
          stopping.delete(stopped);
        });
      stopping.add(stopped);
      return stopped;
    },
    taken: () => taken,
    stopping,
  };
}
