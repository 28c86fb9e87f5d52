import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createWatch } from "../base/watch.ts";
import type { EraMemory, KnownEras } from "../link/eras.ts";
import { type HandshakeOutcome, shakeHands } from "../link/handshake.ts";
import { describeEnd, startTimeout } from "../link/link-end.ts";
import { createSharedLink } from "../link/shared.ts";
import type { StartWords } from "../process/child-stderr.ts";
import { createCrashBackoff } from "../process/crash-backoff.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { culpritOf } from "./caller.ts";
import { type CallerChildren, type CallerChildrenParts, createCallerChildren } from "./caller-children.ts";
import type { LeaseRequest } from "./lease.ts";
import { createPooledChild, type PooledChild } from "./pooled-child.ts";
import type { StartTicket } from "./starts.ts";

/** A start may lose two children, which exit on what they are asked, before it finds out how a server wants to be spoken to. */
const MAX_ATTEMPTS = 3;

/** One caller's children are so much of the pool at the most, where that leaves others a place. */
const SHARE = 0.75;

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

/** One try to start a child. */
interface Attempt {
  readonly request: LeaseRequest;
  readonly ticket: StartTicket;
  /** What the end of the child before it told. */
  readonly hint: Partial<KnownEras> | undefined;
  readonly deadline: number;
  /** Told what the child has said, when it cannot be used. */
  readonly onUnready: (words: StartWords) => void;
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
  /** Children that are being stopped. */
  const stopping = new Set<Promise<void>>();
  /** Children of which it is not known yet what becomes of them. */
  const starting = new Set<Promise<unknown>>();
  /** Starts that wait for the place of a child that is being stopped. */
  let queued = 0;
  /** Children of each caller that are starting, also for nobody any more. */
  const startingOf = new Map<string, number>();
  let taken = 0;
  let closed = false;
  const share = maxChildren === 0 ? Number.POSITIVE_INFINITY : Math.ceil(maxChildren * SHARE);

  const countStart = (key: string, change: 1 | -1) => {
    const count = (startingOf.get(key) ?? 0) + change;
    if (count === 0) startingOf.delete(key);
    else startingOf.set(key, count);
  };

  /** Those that are starting count, too: they may go on without their clients. */
  const isGreedy = (key: string): boolean => {
    if (share >= maxChildren) return false;
    // Less the one that asks.
    let own = (startingOf.get(key) ?? 1) - 1;
    for (const _ of callers.get(key)?.pooledChildren() ?? []) own++;
    return own >= share;
  };

  const stopChild = (stop: () => Promise<void>, context: Readonly<Record<string, unknown>>) => {
    const stopped: Promise<void> = stop()
      .catch((error: unknown) => log.error({ ...context, err: error }, "stopping the child failed"))
      .then(() => {
        taken--;
        stopping.delete(stopped);
      });
    stopping.add(stopped);
    return stopped;
  };

  /** Ends the child that has been idle for longest, of all or of one caller's, if there is one. */
  const evict = (ofKey?: string): boolean => {
    let oldest: { children: CallerChildren; pooled: PooledChild } | undefined;
    for (const [key, children] of callers) {
      if (ofKey !== undefined && ofKey !== key) continue;
      for (const pooled of children.pooledChildren()) {
        if (!isIdle(pooled) || (oldest !== undefined && pooled.idleSince >= oldest.pooled.idleSince)) continue;
        oldest = { children, pooled };
      }
    }
    if (oldest === undefined) return false;
    oldest.children.dismiss(oldest.pooled, "evicted");
    return true;
  };

  const takePlace = async (key: string) => {
    if (isGreedy(key) && !evict(key)) {
      throw new ProxyError("pool_full", {
        message: `${share} shared children are in use for this caller with these client variables, as many as one may have.`,
        retryAfterSeconds: 10,
      });
    }
    for (;;) {
      if (closed || starter.isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
      if (maxChildren === 0 || taken < maxChildren) break;
      // One that ends anyway makes room for one start; the child that was lost to finding out the era, for its successor.
      if (stopping.size <= queued && !evict()) throw new ProxyError("pool_full", { retryAfterSeconds: 10 });
      queued++;
      await Promise.race(stopping);
      queued--;
    }
    taken++;
  };

  const startOnce = async (
    { key, server, variables, notifications }: CallerChildrenParts,
    { request, ticket, hint, deadline, onUnready }: Attempt,
  ): Promise<PooledChild | HandshakeOutcome> => {
    const { signal } = ticket;
    const { profile, wanted } = request;
    await takePlace(key);
    const started = await starter.start({ server, variables, signal }).catch((error: unknown) => {
      taken--;
      throw error;
    });
    const { child, name, onStarted } = started;
    const context = { child: name, server: server.name, pid: child.pid };
    const { requestMs, probeMs } = server.timeouts;
    const link = createSharedLink({ child, scan, maxLineBytes: server.limits.lineBytes, requestMs, log, context });
    const abandoned = Promise.withResolvers<"abandoned">();
    const abandon = () => abandoned.resolve("abandoned");
    signal.addEventListener("abort", abandon);
    if (signal.aborted) abandon();
    else ticket.onBegun();
    try {
      const known = { ...eras.of(server), ...hint };
      const outcome = await Promise.race([
        shakeHands({ link, profile, wanted, known, probeMs, deadline }),
        abandoned.promise,
      ]);
      if (closed) throw new ProxyError("draining", { retryAfterSeconds: 10 });
      if (outcome === "abandoned") throw new ProxyError("client_left");
      remember(server, outcome, hint);
      const isAskable = profile.capabilities !== "{}";
      if (outcome.kind === "ready") {
        log.info({ ...context, era: outcome.identity.era, variables: [...variables.keys()] }, "pooled child started");
        return createPooledChild({ name, link, identity: outcome.identity, isAskable, notifications });
      }
      onUnready(link.startWords());
      void stopChild(link.stop, context);
      return outcome;
    } catch (error) {
      void stopChild(link.stop, context);
      throw error;
    } finally {
      signal.removeEventListener("abort", abandon);
      onStarted();
    }
  };

  /** What the end of an earlier child told (`hint`) counts as far as this one's answers bear it out, and not for ever. */
  const remember = (server: Server, outcome: HandshakeOutcome, hint: Partial<KnownEras> | undefined) => {
    if (outcome.kind === "ready") eras.learn(server, { ...hint, ...outcome.learnt }, hint === undefined);
    else if (outcome.kind === "refused" && outcome.isUnanswered) {
      if (outcome.suspected === undefined) eras.doubt(server);
      else eras.learn(server, outcome.suspected, false);
    }
  };

  const start: CallerChildrenParts["start"] = async (parts, request, ticket) => {
    const { key, server } = parts;
    const culprit = culpritOf(key, request);
    const restMs = backoff.waitMs(culprit);
    if (restMs > 0) throw new ProxyError("crash_loop", { retryAfterSeconds: Math.ceil(restMs / 1000) });
    request.admitStart?.();
    const { startMs } = server.timeouts;
    const deadline = startMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + startMs;
    let hint: Partial<KnownEras> | undefined;
    let said: StartWords = { stderr: "", reason: undefined };
    const onUnready = (words: StartWords) => {
      said = words;
    };
    for (let attempt = 1; ; attempt++) {
      countStart(key, 1);
      const begun = startOnce(parts, { request, ticket, hint, deadline, onUnready });
      starting.add(begun);
      const outcome = await begun.finally(() => {
        starting.delete(begun);
        countStart(key, -1);
      });
      if (!("kind" in outcome)) return outcome;
      if (outcome.kind === "refused") {
        // One that answers is there; it is what it was asked that it does not like.
        if (outcome.isUnanswered) backoff.crashed(culprit);
        log.warn({ server: server.name, how: outcome.error.message }, "pooled child could not be started");
        throw outcome.error;
      }
      if (outcome.kind === "restart") {
        if (outcome.isCertain) eras.learn(server, outcome.learnt, true);
        else hint = outcome.learnt;
      }
      if (attempt === MAX_ATTEMPTS || performance.now() >= deadline) throw startTimeout(said);
    }
  };

  const parts = {
    start,
    stop: (pooled: PooledChild, { server }: CallerChildrenParts, reason: string) => {
      const context = { child: pooled.name, server: server.name, pid: pooled.link.pid };
      const ageMs = Math.round(performance.now() - pooled.bornAt);
      log.info({ ...context, reason, ageMs }, "pooled child ended");
      return stopChild(pooled.link.stop, context);
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
    size: () => taken,
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
      while (starting.size + stopping.size > 0) await Promise.allSettled([...starting, ...stopping]);
    },
  };
}

function isIdle({ sharers, isAlone, pins }: PooledChild): boolean {
  return sharers === 0 && !isAlone && pins === 0;
}
