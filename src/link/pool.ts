import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createWatch } from "../base/watch.ts";
import { createCrashBackoff } from "../process/crash-backoff.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import type { Era, EraMemory, KnownEras } from "./eras.ts";
import { createFamily, type Family, type FamilyParts } from "./family.ts";
import { type HandshakeOutcome, type Profile, shakeHands } from "./handshake.ts";
import { describeEnd } from "./link-end.ts";
import { createMember, type Member } from "./member.ts";
import { createSharedLink } from "./shared.ts";

/** A start may lose two children before it finds out how a server wants to be spoken to. */
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
export interface FamilyKey {
  /** Differs for every server, principal and set of client variables. */
  readonly key: string;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
}

/** One try to start a child. */
interface Attempt {
  readonly wanted: Era;
  /** What the end or silence of the child before it told. */
  readonly hint: Partial<KnownEras> | undefined;
  readonly deadline: number;
}

/** Children that are started, initialised and kept warm for whoever may use them. */
export interface Pool {
  readonly family: (key: FamilyKey) => Family;
  /** Children, those included that are starting or being stopped. */
  readonly size: () => number;
  /** Requests that no child has answered yet. */
  readonly inFlight: () => number;
  /** Ends all children; resolves when none is left. */
  readonly endAll: () => Promise<void>;
}

export function createPool({ maxChildren, starter, eras, scan, log }: PoolOptions): Pool {
  const families = new Map<string, Family>();
  const backoff = createCrashBackoff();
  /** Children that are being stopped. */
  const stopping = new Set<Promise<void>>();
  /** Children of which it is not known yet what becomes of them. */
  const starting = new Set<Promise<unknown>>();
  /** Starts that wait for the place of a child that is being stopped. */
  let queued = 0;
  let taken = 0;
  let closed = false;
  const share = maxChildren === 0 ? Number.POSITIVE_INFINITY : Math.ceil(maxChildren * SHARE);

  /** Children of one caller that are there; those that are starting count when they are. */
  const isGreedy = (key: string): boolean => {
    if (share >= maxChildren) return false;
    let own = 0;
    for (const _ of families.get(key)?.members() ?? []) own++;
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
    let oldest: { family: Family; member: Member } | undefined;
    for (const [key, family] of families) {
      if (ofKey !== undefined && ofKey !== key) continue;
      for (const member of family.members()) {
        if (!isIdle(member) || (oldest !== undefined && member.idleSince >= oldest.member.idleSince)) continue;
        oldest = { family, member };
      }
    }
    if (oldest === undefined) return false;
    oldest.family.dismiss(oldest.member, "evicted");
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
    { key, server, variables, news }: FamilyParts,
    profile: Profile,
    { wanted, hint, deadline }: Attempt,
    signal: AbortSignal,
  ): Promise<Member | HandshakeOutcome> => {
    await takePlace(key);
    const started = await starter.start({ server, variables, signal }).catch((error: unknown) => {
      taken--;
      throw error;
    });
    const { child, name, onStarted } = started;
    const context = { child: name, server: server.name, pid: child.pid };
    const { requestMs, probeMs } = server.timeouts;
    const link = createSharedLink({ child, scan, maxLineBytes: server.limits.lineBytes, requestMs, log, context });
    const left = Promise.withResolvers<"left">();
    const leave = () => left.resolve("left");
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    try {
      const known = { ...eras.of(server), ...hint };
      const outcome = await Promise.race([
        shakeHands({ link, profile, wanted, known, probeMs, deadline }),
        left.promise,
      ]);
      if (closed) throw new ProxyError("draining", { retryAfterSeconds: 10 });
      if (outcome === "left") throw new ProxyError("session_not_found", { message: "The client left." });
      // What the silence of an earlier child told counts as far as this one's answers bear it out, and not for ever.
      if (outcome.kind === "ready") eras.learn(server, { ...hint, ...outcome.learnt }, hint === undefined);
      else if (outcome.kind === "refused" && outcome.isUnanswered) eras.doubt(server);
      const isAskable = profile.capabilities !== "{}";
      if (outcome.kind === "ready") {
        log.info({ ...context, era: outcome.identity.era, variables: [...variables.keys()] }, "pooled child started");
        return createMember({ name, link, identity: outcome.identity, isAskable, news });
      }
      void stopChild(link.stop, context);
      return outcome;
    } catch (error) {
      void stopChild(link.stop, context);
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      onStarted();
    }
  };

  const start: FamilyParts["start"] = async (parts, profile, wanted, signal) => {
    const restMs = backoff.waitMs(parts.key);
    if (restMs > 0) throw new ProxyError("crash_loop", { retryAfterSeconds: Math.ceil(restMs / 1000) });
    const { startMs } = parts.server.timeouts;
    const deadline = startMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + startMs;
    let hint: Partial<KnownEras> | undefined;
    for (let attempt = 1; ; attempt++) {
      const begun = startOnce(parts, profile, { wanted, hint, deadline }, signal);
      starting.add(begun);
      const outcome = await begun.finally(() => starting.delete(begun));
      if (!("kind" in outcome)) return outcome;
      if (outcome.kind === "refused") {
        // One that answers is there; it is what it was asked that it does not like.
        if (outcome.isUnanswered) backoff.crashed(parts.key);
        throw outcome.error;
      }
      if (outcome.kind === "restart") {
        if (outcome.isCertain) eras.learn(parts.server, outcome.learnt, true);
        else hint = outcome.learnt;
      }
      if (attempt === MAX_ATTEMPTS || performance.now() >= deadline) throw new ProxyError("start_timeout");
    }
  };

  const parts = {
    start,
    stop: (member: Member, { server }: FamilyParts, reason: string) => {
      const context = { child: member.name, server: server.name, pid: member.link.pid };
      const ageMs = Math.round(performance.now() - member.bornAt);
      log.info({ ...context, reason, ageMs }, "pooled child ended");
      return stopChild(member.link.stop, context);
    },
    onCrash: (member: Member, { key, server }: FamilyParts) => {
      backoff.crashed(key);
      void member.link.ended.then((end) => {
        const { message, data } = describeEnd(end);
        log.warn({ child: member.name, server: server.name, how: message, ...data }, "pooled child ended by itself");
      });
    },
    onIdle: () => watch.expect(performance.now() + SWEEP_MS),
    isDraining: starter.isDraining,
  };

  const watch = createWatch((now) => {
    let next = Number.POSITIVE_INFINITY;
    for (const [key, family] of families) {
      const due = family.sweep(now);
      if (due === "empty") families.delete(key);
      else next = Math.min(next, due);
    }
    return Math.max(next, now + SWEEP_MS);
  });

  return {
    family: ({ key, server, variables }) => {
      const known = families.get(key);
      if (known !== undefined) return known;
      const family = createFamily({ ...parts, eras, key, server, variables });
      families.set(key, family);
      watch.expect(performance.now() + SWEEP_MS);
      return family;
    },
    size: () => taken,
    inFlight: () => {
      let sum = 0;
      for (const family of families.values()) {
        for (const { link, isParked } of family.members()) sum += isParked ? 0 : link.inFlight();
      }
      return sum;
    },
    endAll: async () => {
      closed = true;
      watch.close();
      for (const family of families.values()) family.close();
      while (starting.size + stopping.size > 0) await Promise.allSettled([...starting, ...stopping]);
    },
  };
}

function isIdle({ sharers, isAlone, holds }: Member): boolean {
  return sharers === 0 && !isAlone && holds === 0;
}
