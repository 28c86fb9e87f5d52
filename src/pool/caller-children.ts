import { ProxyError } from "../base/errors.ts";
import { type Era, type EraMemory, servedEra } from "../link/eras.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { Server } from "../process/server.ts";
import { createLease, type Lease, type LeaseMode, type LeaseRequest, type VariantFacts } from "./lease.ts";
import { createNotifications, type Notifications } from "./notifications.ts";
import type { PooledChild } from "./pooled-child.ts";
import { createStarts, type Starts } from "./starts.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";

/** Variants that are not told apart by how they were initialised. */
const MODERN = "modern";
const UNKNOWN = "unknown";

/** Children that are had alone at a time by callers who are alike; more callers wait. Those that wait for input don't count. */
const MAX_ALONE = 8;

/** How long a caller waits for its turn with a child of its own, where the server sets no time for a start. */
const LONGEST_WAIT_MS = 60_000;

export interface CallerChildrenParts {
  readonly key: string;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
  readonly notifications: Notifications;
  readonly start: (
    parts: CallerChildrenParts,
    profile: Profile,
    wanted: Era,
    signal: AbortSignal,
  ) => Promise<PooledChild>;
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

/** Children that were started alike, and the starts of more. */
interface Variant extends VariantFacts {
  readonly key: string;
  readonly pooledChildren: Set<PooledChild>;
  readonly starts: Starts;
}

export function createCallerChildren(options: Omit<CallerChildrenParts, "notifications">): CallerChildren {
  const notifications = createNotifications();
  const parts: CallerChildrenParts = { ...options, notifications };
  const { server, eras } = parts;
  const variants = new Map<string, Variant>();
  const subscriptions = createSubscriptions();
  /** Callers that wait for something to change. */
  const waiters = new Set<() => void>();
  let arriving = 0;
  let pins = 0;
  let closed = false;

  const wakeAll = () => {
    for (const wake of waiters) wake();
    waiters.clear();
  };

  const dismiss = (pooled: PooledChild, reason: string) => {
    for (const { pooledChildren } of variants.values()) pooledChildren.delete(pooled);
    subscriptions.leave(pooled.link);
    void parts.stop(pooled, parts, reason);
    wakeAll();
  };

  const adopt = async (variant: Variant, pooled: PooledChild) => {
    // Before anybody uses it: what is called next may change what others are subscribed to.
    if (pooled.identity.era === "legacy") await subscriptions.join(pooled.link);
    if (closed) return void parts.stop(pooled, parts, "shutdown");
    variant.pooledChildren.add(pooled);
    void pooled.link.ended.then(() => {
      if (!variant.pooledChildren.has(pooled)) return;
      parts.onCrash(pooled, parts);
      dismiss(pooled, "crashed");
    });
  };

  const variantFor = ({ profile, wanted }: LeaseRequest): Variant => {
    const era = servedEra(eras.of(server), wanted);
    const legacyKey = `legacy ${profile.revision} ${profile.capabilities}`;
    // Modern children know nothing of their clients. As long as the era is not known, all wait for the first one.
    const key = era === "legacy" ? legacyKey : era === "modern" ? MODERN : UNKNOWN;
    const known = variants.get(key);
    if (known !== undefined) return known;
    // What is known may be in doubt; the children that are there serve all the same.
    if (key === UNKNOWN) {
      const living = [variants.get(legacyKey), variants.get(MODERN)].find(
        (variant) => variant !== undefined && usable(variant).length > 0,
      );
      if (living !== undefined) return living;
    }
    const variant: Variant = { key, pooledChildren: new Set(), asksRoots: undefined, starts: createStarts() };
    variants.set(key, variant);
    return variant;
  };

  const begin = async ({ profile, wanted }: LeaseRequest, signal: AbortSignal) => {
    const pooled = await parts.start(parts, profile, wanted, signal);
    if (closed) void parts.stop(pooled, parts, "shutdown");
    else await adopt(variantOf(pooled, profile), pooled);
  };

  /** Where a child belongs whose era was not known before it was started. */
  const variantOf = ({ identity }: PooledChild, profile: Profile): Variant =>
    variantFor(leaseLike(identity.era, profile));

  /** One start, however many ask for it, but for those who want a child alone: each of them gets one, up to a bound. */
  const joinStart = (variant: Variant, request: LeaseRequest, atWork: number) =>
    variant.starts.join({
      signal: request.signal,
      mayBegin: (underWay) => request.mode === "alone" && variant.key !== UNKNOWN && atWork + underWay < MAX_ALONE,
      begin: (signal) => begin(request, signal),
    });

  const untilChanged = async (signal: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiters.add(resolve);
    const leave = () => resolve();
    signal.addEventListener("abort", leave);
    const limitMs =
      server.timeouts.startMs === 0 ? LONGEST_WAIT_MS : Math.min(server.timeouts.startMs, LONGEST_WAIT_MS);
    const timer = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    waiters.delete(resolve);
  };

  const usable = (variant: Variant): PooledChild[] =>
    [...variant.pooledChildren].filter(({ isRetired, isAlone, link }) => !isRetired && !isAlone && !link.isEnded());

  const take = (variant: Variant, { mode, roots }: LeaseRequest): PooledChild | undefined => {
    const fitting = usable(variant).filter((pooled) => pooled.roots === undefined || pooled.roots === roots);
    const free = fitting.toSorted((a, b) => Number(b.roots === roots) - Number(a.roots === roots));
    const pooled = mode === "shared" ? free[0] : free.find(({ sharers }) => sharers === 0);
    if (pooled === undefined) return undefined;
    if (mode === "shared") pooled.sharers++;
    else pooled.isAlone = true;
    return pooled;
  };

  const lease = async (request: LeaseRequest): Promise<Lease> => {
    const { mode, signal } = request;
    const askedAt = performance.now();
    arriving++;
    try {
      for (;;) {
        if (closed || parts.isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
        if (signal.aborted) throw new ProxyError("session_not_found", { message: "The client left." });
        const variant = variantFor(request);
        const pooled = take(variant, request);
        if (pooled !== undefined) return leaseOf(variant, pooled, mode);
        const atWork = [...variant.pooledChildren].filter(({ isParked }) => !isParked).length;
        if (mode === "shared" || atWork < MAX_ALONE || variant.starts.underWay() > 0) {
          await joinStart(variant, request, atWork);
          continue;
        }
        if (performance.now() - askedAt > LONGEST_WAIT_MS)
          throw new ProxyError("start_queue_full", { retryAfterSeconds: 10 });
        await untilChanged(signal);
      }
    } finally {
      arriving--;
    }
  };

  const leaseOf = (variant: Variant, pooled: PooledChild, mode: LeaseMode): Lease => {
    const onSettled = () => {
      pooled.idleSince = performance.now();
      const isIdle = pooled.sharers === 0 && !pooled.isAlone;
      if (isIdle && pooled.isRetired && variant.pooledChildren.has(pooled)) dismiss(pooled, "retired");
      else parts.onIdle();
      wakeAll();
    };
    return createLease({ variant, pooled, mode, onChange: wakeAll, onSettled });
  };

  const sweep = (now: number): number | "empty" => {
    const { warmMs, lifetimeMs } = server.timeouts;
    let next = Number.POSITIVE_INFINITY;
    let isEmpty = arriving === 0 && pins === 0;
    for (const [key, { pooledChildren, starts }] of variants) {
      for (const pooled of [...pooledChildren]) {
        const isIdle = pooled.sharers === 0 && !pooled.isAlone;
        if (lifetimeMs > 0 && now - pooled.bornAt >= lifetimeMs) pooled.isRetired = true;
        if (isIdle && pooled.isRetired) dismiss(pooled, "lifetime");
        else if (isIdle && pooled.pins === 0 && now - pooled.idleSince >= warmMs) dismiss(pooled, "idle");
        else {
          isEmpty = false;
          if (isIdle && pooled.pins === 0) next = Math.min(next, pooled.idleSince + warmMs);
          if (lifetimeMs > 0) next = Math.min(next, Math.max(pooled.bornAt + lifetimeMs, now + 1_000));
        }
      }
      if (starts.underWay() > 0) isEmpty = false;
      else if (pooledChildren.size === 0) variants.delete(key);
    }
    return isEmpty ? "empty" : next;
  };

  return {
    pin: () => {
      let isPinned = true;
      pins++;
      return () => {
        if (!isPinned) return;
        isPinned = false;
        pins--;
        parts.onIdle();
      };
    },
    lease,
    asksRoots: (profile, wanted) => variantFor({ ...leaseLike(wanted, profile), wanted }).asksRoots,
    notifications,
    subscriptions,
    pooledChildren: function* () {
      for (const { pooledChildren } of variants.values()) yield* pooledChildren;
    },
    dismiss,
    sweep,
    close: () => {
      closed = true;
      for (const { pooledChildren, starts } of variants.values()) {
        starts.abandonAll();
        for (const pooled of [...pooledChildren]) dismiss(pooled, "shutdown");
      }
      wakeAll();
    },
  };
}

const noSignal = new AbortController().signal;

function leaseLike(era: Era, profile: Profile): LeaseRequest {
  return { profile, wanted: era, mode: "shared", signal: noSignal };
}
