import { ProxyError } from "../base/errors.ts";
import type { Era, EraMemory } from "../link/eras.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { Server } from "../process/server.ts";
import { culpritOf } from "./caller.ts";
import { sweepIdle } from "./idle-sweep.ts";
import { createLease, type Lease, type LeaseRequest } from "./lease.ts";
import { createNotifications, type Notifications } from "./notifications.ts";
import { createPins } from "./pins.ts";
import type { PooledChild } from "./pooled-child.ts";
import type { StartTicket } from "./starts.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";
import { createTurns } from "./turns.ts";
import { countTaken, createVariants, isUnused, longestIdle, take, type Variant } from "./variants.ts";

/** Children that are had alone at a time by callers who are alike; more callers wait. Those that wait for input don't count. */
const MAX_ALONE = 8;

/** How long a caller waits for its turn with a child of its own, where the server sets no time for a start. */
const LONGEST_WAIT_MS = 60_000;

export interface CallerChildrenParts {
  readonly key: string;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
  readonly notifications: Notifications;
  readonly start: (parts: CallerChildrenParts, request: LeaseRequest, ticket: StartTicket) => Promise<PooledChild>;
  readonly stop: (pooled: PooledChild, parts: CallerChildrenParts, reason: string) => Promise<void>;
  readonly onCrash: (pooled: PooledChild, parts: CallerChildrenParts) => void;
  readonly onIdle: () => void;
  readonly isDraining: () => boolean;
  readonly eras: EraMemory;
}

/** The children of one caller, as far as children of the pool are concerned: one principal with one set of variables. */
export interface CallerChildren {
  /** Keeps them known, also while there is none. @returns the remover. */
  readonly pin: () => () => void;
  /** @throws ProxyError pool_full, crash_loop, start_queue_full, child_refused and whatever else a start may end in. */
  readonly lease: (request: LeaseRequest) => Promise<Lease>;
  /** A server that is known to ask such clients for their roots; undefined: it has not done so yet. */
  readonly asksRoots: (profile: Profile, wanted: Era) => Identity | undefined;
  readonly notifications: Notifications;
  /** Subscriptions to resources at its legacy children. */
  readonly subscriptions: Subscriptions;
  readonly pooledChildren: () => Iterable<PooledChild>;
  readonly dismiss: (pooled: PooledChild, reason: string) => void;
  /** Ends what has been idle or has lived for too long. @returns when to look again, or that nothing is left to look at. */
  readonly sweep: (now: number) => number | "empty";
  readonly close: () => void;
}

export function createCallerChildren(options: Omit<CallerChildrenParts, "notifications">): CallerChildren {
  const notifications = createNotifications();
  const parts: CallerChildrenParts = { ...options, notifications };
  const { server } = parts;
  const { startMs, warmMs, lifetimeMs } = server.timeouts;
  const waitMs = startMs === 0 ? LONGEST_WAIT_MS : Math.min(startMs, LONGEST_WAIT_MS);
  const variants = createVariants(server, parts.eras);
  const subscriptions = createSubscriptions();
  const turns = createTurns();
  const pins = createPins(parts.onIdle);
  /** Children whose subscriptions are being made, so that nobody uses them yet; each with what ends the wait. */
  const joining = new Map<PooledChild, () => void>();
  let arriving = 0;
  let closed = false;

  const dismiss = (pooled: PooledChild, reason: string) => {
    joining.get(pooled)?.();
    joining.delete(pooled);
    for (const { pooledChildren } of variants.all()) pooledChildren.delete(pooled);
    subscriptions.leave(pooled.link);
    void parts.stop(pooled, parts, reason);
    turns.wakeAll();
  };

  const adopt = async (variant: Variant, pooled: PooledChild) => {
    // Before anybody uses it: what is called next may change what others are subscribed to.
    const { promise: dismissed, resolve } = Promise.withResolvers<void>();
    joining.set(pooled, resolve);
    if (pooled.identity.era === "legacy") await Promise.race([subscriptions.join(pooled.link), dismissed]);
    // Dismissed meanwhile, with all others.
    if (!joining.delete(pooled)) return;
    variant.pooledChildren.add(pooled);
    void pooled.link.ended.then(() => {
      if (!variant.pooledChildren.has(pooled)) return;
      parts.onCrash(pooled, parts);
      dismiss(pooled, "crashed");
    });
  };

  const begin = async (request: LeaseRequest, ticket: StartTicket) => {
    const pooled = await parts.start(parts, request, ticket);
    if (closed) void parts.stop(pooled, parts, "shutdown");
    else await adopt(variants.ofChild(pooled, request.profile), pooled);
  };

  /** One start, however many ask for it, but for those who want a child alone: each of them gets one, up to a bound. */
  const joinStart = (variant: Variant, request: LeaseRequest, atWork: number) =>
    variant.starts.join({
      signal: request.signal,
      mayBegin: (underWay) => request.mode === "alone" && variant.isKnown && atWork + underWay < MAX_ALONE,
      begin: (ticket) => begin(request, ticket),
    });

  /** Of the children that one may have alone, those that nobody uses, and that know other clients' roots, go first. */
  const makeRoom = (variant: Variant) => {
    if (countTaken(variant) + variant.starts.underWay() < MAX_ALONE) return;
    const misfit = longestIdle(variant);
    if (misfit !== undefined) dismiss(misfit, "evicted");
  };

  const find = async (request: LeaseRequest): Promise<Lease> => {
    const { mode, signal } = request;
    const askedAt = performance.now();
    for (;;) {
      if (closed || parts.isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
      if (signal.aborted) throw new ProxyError("client_left");
      const variant = variants.of(request);
      const pooled = take(variant, request);
      if (pooled !== undefined) return leaseOf(variant, pooled, request);
      if (mode === "alone") makeRoom(variant);
      const atWork = countTaken(variant);
      if (mode === "shared" || atWork < MAX_ALONE || variant.starts.underWay() > 0) {
        await joinStart(variant, request, atWork);
        continue;
      }
      if (performance.now() - askedAt > LONGEST_WAIT_MS)
        throw new ProxyError("start_queue_full", { retryAfterSeconds: 10 });
      await turns.untilChanged(signal, waitMs);
    }
  };

  const leaseOf = (variant: Variant, pooled: PooledChild, request: LeaseRequest): Lease => {
    const onOver = pooled.usedBy(() => culpritOf(parts.key, request));
    const onReleased = () => {
      pooled.idleSince = performance.now();
      if (isUnused(pooled) && pooled.isRetired && variant.pooledChildren.has(pooled)) dismiss(pooled, "retired");
      else parts.onIdle();
      turns.wakeAll();
    };
    return createLease({ variant, pooled, mode: request.mode, onChange: turns.wakeAll, onOver, onReleased });
  };

  return {
    pin: pins.pin,
    lease: async (request) => {
      arriving++;
      try {
        return await find(request);
      } finally {
        arriving--;
      }
    },
    asksRoots: (profile, wanted) => variants.of({ profile, wanted }).asksRoots,
    notifications,
    subscriptions,
    pooledChildren: variants.pooledChildren,
    dismiss,
    sweep: (now) => {
      const next = sweepIdle({ variants, warmMs, lifetimeMs, dismiss }, now);
      // A name that somebody still uses stays known, for whoever comes next to find the same children.
      return next === "empty" && (arriving > 0 || pins.count() > 0) ? Number.POSITIVE_INFINITY : next;
    },
    close: () => {
      closed = true;
      for (const { starts } of variants.all()) starts.abandonAll();
      for (const pooled of [...joining.keys(), ...variants.pooledChildren()]) dismiss(pooled, "shutdown");
      turns.wakeAll();
    },
  };
}
