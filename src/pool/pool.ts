import type { Logger } from "../base/logger.ts";
import { createWatch } from "../base/watch.ts";
import type { EraMemory } from "../link/eras.ts";
import { describeEnd } from "../link/link-end.ts";
import { createCrashBackoff } from "../process/crash-backoff.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createAttempts } from "./attempts.ts";
import { type CallerChildren, type CallerChildrenParts, createCallerChildren } from "./caller-children.ts";
import { evictIdlest } from "./eviction.ts";
import { createPlaces } from "./places.ts";
import type { PooledChild } from "./pooled-child.ts";
import { createStart } from "./start.ts";

/** How often idle children are looked for, at the most. */
const SWEEP_MS = 1_000;

export interface PoolOptions {
  /** Children in all; 0: any number. */
  readonly maxChildren: number;
  readonly starter: Starter;
  readonly eras: EraMemory;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/** Whose children they are: nobody else's requests reach them. */
export interface CallerChildrenKey {
  /** Differs for every server, principal and set of client variables. */
  readonly key: string;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
}

/** Children that are started, initialised and kept warm for whoever may use them. */
export interface Pool {
  readonly childrenOf: (key: CallerChildrenKey) => CallerChildren;
  /** Children, those included that are starting or being stopped. */
  readonly size: () => number;
  /** Requests that no child has answered yet. */
  readonly inFlight: () => number;
  /** Ends all children; resolves when none is left. */
  readonly endAll: () => Promise<void>;
}

export function createPool({ maxChildren, starter, eras, scan, log }: PoolOptions): Pool {
  const callers = new Map<string, CallerChildren>();
  const backoff = createCrashBackoff();
  const attempts = createAttempts();
  let closed = false;

  const places = createPlaces({
    maxChildren,
    // Those that are starting count, too: they may go on without their clients.
    countOthers: (key) => {
      let own = attempts.of(key) - 1;
      for (const _ of callers.get(key)?.pooledChildren() ?? []) own++;
      return own;
    },
    evict: (ofKey) => evictIdlest(callers, ofKey),
    isDraining: () => closed || starter.isDraining(),
    log,
  });

  const parts = {
    start: createStart({ starter, eras, scan, log, places, isClosed: () => closed, attempts, backoff }),
    stop: (pooled: PooledChild, { server }: CallerChildrenParts, reason: string) => {
      const context = { child: pooled.name, server: server.name, pid: pooled.link.pid };
      const ageMs = Math.round(performance.now() - pooled.bornAt);
      log.info({ ...context, reason, ageMs }, "pooled child ended");
      return places.stopChild(pooled.link.stop, context);
    },
    onCrash: (pooled: PooledChild, { server }: CallerChildrenParts) => {
      // Where several had calls at it, or nobody, it is not known whose doing it was.
      const culprit = pooled.soleUser();
      if (culprit !== undefined) backoff.crashed(culprit);
      void pooled.link.ended.then((end) => {
        // What it wrote to stderr may be its clients' own: that stands in the log at DEBUG.
        const { message, data } = describeEnd(end, false);
        log.warn({ child: pooled.name, server: server.name, how: message, ...data }, "pooled child ended by itself");
      });
    },
    onIdle: () => watch.expect(performance.now() + SWEEP_MS),
    isDraining: starter.isDraining,
  };

  const watch = createWatch((now) => {
    let next = Number.POSITIVE_INFINITY;
    for (const [key, children] of callers) {
      const due = children.sweep(now);
      if (due === "empty") callers.delete(key);
      else next = Math.min(next, due);
    }
    return Math.max(next, now + SWEEP_MS);
  });

  return {
    childrenOf: ({ key, server, variables }) => {
      const known = callers.get(key);
      if (known !== undefined) return known;
      const children = createCallerChildren({ ...parts, eras, key, server, variables });
      callers.set(key, children);
      watch.expect(performance.now() + SWEEP_MS);
      return children;
    },
    size: places.taken,
    inFlight: () => {
      let sum = 0;
      for (const children of callers.values()) {
        for (const { link, isParked } of children.pooledChildren()) sum += isParked ? 0 : link.inFlight();
      }
      return sum;
    },
    endAll: async () => {
      closed = true;
      watch.close();
      for (const children of callers.values()) children.close();
      const { underWay } = attempts;
      const { stopping } = places;
      while (underWay.size + stopping.size > 0) await Promise.allSettled([...underWay, ...stopping]);
    },
  };
}
