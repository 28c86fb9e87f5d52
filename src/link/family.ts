import { ProxyError } from "../base/errors.ts";
import type { Server } from "../process/server.ts";
import { type Era, type EraMemory, servedEra } from "./eras.ts";
import type { Profile } from "./handshake.ts";
import type { Identity } from "./identity.ts";
import { createLease, type Kinship, type Lease, type LeaseMode, type LeaseRequest } from "./lease.ts";
import type { Member } from "./member.ts";
import { createNews, type News } from "./news.ts";
import { createStarts, type Starts } from "./starts.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";

/** Kin that are not told apart by how they were initialised. */
const MODERN = "modern";
const UNKNOWN = "unknown";

/** Children that are had alone at a time by callers who are alike; more callers wait. Those that wait for input don't count. */
const MAX_ALONE = 8;

/** How long a caller waits for its turn with a child of its own, where the server sets no time for a start. */
const LONGEST_WAIT_MS = 60_000;

export interface FamilyParts {
  readonly key: string;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
  readonly news: News;
  readonly start: (parts: FamilyParts, profile: Profile, wanted: Era, signal: AbortSignal) => Promise<Member>;
  readonly stop: (member: Member, parts: FamilyParts, reason: string) => Promise<void>;
  readonly onCrash: (member: Member, parts: FamilyParts) => void;
  readonly onIdle: () => void;
  readonly isDraining: () => boolean;
  readonly eras: EraMemory;
}

/** The children of one caller, as far as children of the pool are concerned: one principal with one set of variables. */
export interface Family {
  /** Keeps it the family of its caller, also while it has no child. @returns the remover. */
  readonly retain: () => () => void;
  /** @throws ProxyError pool_full, crash_loop, start_queue_full, child_refused and whatever else a start may end in. */
  readonly lease: (request: LeaseRequest) => Promise<Lease>;
  /** A server that is known to ask such clients for their roots; undefined: it has not done so yet. */
  readonly asksRoots: (profile: Profile, wanted: Era) => Identity | undefined;
  readonly news: News;
  /** Subscriptions to resources at its legacy children. */
  readonly subscriptions: Subscriptions;
  readonly members: () => Iterable<Member>;
  readonly dismiss: (member: Member, reason: string) => void;
  /** Ends what has been idle or has lived for too long. @returns when to look again, or that nothing is left to look at. */
  readonly sweep: (now: number) => number | "empty";
  readonly close: () => void;
}

/** Children that were started alike, and the starts of more. */
interface Kin extends Kinship {
  readonly key: string;
  readonly members: Set<Member>;
  readonly starts: Starts;
}

export function createFamily(options: Omit<FamilyParts, "news">): Family {
  const news = createNews();
  const parts: FamilyParts = { ...options, news };
  const { server, eras } = parts;
  const groups = new Map<string, Kin>();
  const subscriptions = createSubscriptions();
  /** Callers that wait for something to change. */
  const waiters = new Set<() => void>();
  let arriving = 0;
  let retained = 0;
  let closed = false;

  const wakeAll = () => {
    for (const wake of waiters) wake();
    waiters.clear();
  };

  const dismiss = (member: Member, reason: string) => {
    for (const { members } of groups.values()) members.delete(member);
    subscriptions.leave(member.link);
    void parts.stop(member, parts, reason);
    wakeAll();
  };

  const adopt = async (kin: Kin, member: Member) => {
    // Before anybody uses it: what is called next may change what others are subscribed to.
    if (member.identity.era === "legacy") await subscriptions.join(member.link);
    if (closed) return void parts.stop(member, parts, "shutdown");
    kin.members.add(member);
    void member.link.ended.then(() => {
      if (!kin.members.has(member)) return;
      parts.onCrash(member, parts);
      dismiss(member, "crashed");
    });
  };

  const groupFor = ({ profile, wanted }: LeaseRequest): Kin => {
    const era = servedEra(eras.of(server), wanted);
    const legacyKey = `legacy ${profile.revision} ${profile.capabilities}`;
    // Modern children know nothing of their clients. As long as the era is not known, all wait for the first one.
    const key = era === "legacy" ? legacyKey : era === "modern" ? MODERN : UNKNOWN;
    const known = groups.get(key);
    if (known !== undefined) return known;
    // What is known may be in doubt; the children that are there serve all the same.
    if (key === UNKNOWN) {
      const living = [groups.get(legacyKey), groups.get(MODERN)].find(
        (kin) => kin !== undefined && usable(kin).length > 0,
      );
      if (living !== undefined) return living;
    }
    const kin: Kin = { key, members: new Set(), asksRoots: undefined, starts: createStarts() };
    groups.set(key, kin);
    return kin;
  };

  const begin = async ({ profile, wanted }: LeaseRequest, signal: AbortSignal) => {
    const member = await parts.start(parts, profile, wanted, signal);
    if (closed) void parts.stop(member, parts, "shutdown");
    else await adopt(groupOf(member, profile), member);
  };

  /** Where a child belongs whose era was not known before it was started. */
  const groupOf = ({ identity }: Member, profile: Profile): Kin => groupFor(leaseLike(identity.era, profile));

  /** One start, however many ask for it, but for those who want a child alone: each of them gets one, up to a bound. */
  const joinStart = (kin: Kin, request: LeaseRequest, atWork: number) =>
    kin.starts.join({
      signal: request.signal,
      mayBegin: (underWay) => request.mode === "alone" && kin.key !== UNKNOWN && atWork + underWay < MAX_ALONE,
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

  const usable = (kin: Kin): Member[] =>
    [...kin.members].filter(({ isSpent, isAlone, link }) => !isSpent && !isAlone && !link.isEnded());

  const take = (kin: Kin, { mode, roots }: LeaseRequest): Member | undefined => {
    const fitting = usable(kin).filter((member) => member.roots === undefined || member.roots === roots);
    const free = fitting.toSorted((a, b) => Number(b.roots === roots) - Number(a.roots === roots));
    const member = mode === "shared" ? free[0] : free.find(({ sharers }) => sharers === 0);
    if (member === undefined) return undefined;
    if (mode === "shared") member.sharers++;
    else member.isAlone = true;
    return member;
  };

  const lease = async (request: LeaseRequest): Promise<Lease> => {
    const { mode, signal } = request;
    const askedAt = performance.now();
    arriving++;
    try {
      for (;;) {
        if (closed || parts.isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
        if (signal.aborted) throw new ProxyError("session_not_found", { message: "The client left." });
        const kin = groupFor(request);
        const member = take(kin, request);
        if (member !== undefined) return leaseOf(kin, member, mode);
        const atWork = [...kin.members].filter(({ isParked }) => !isParked).length;
        if (mode === "shared" || atWork < MAX_ALONE || kin.starts.underWay() > 0) {
          await joinStart(kin, request, atWork);
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

  const leaseOf = (kin: Kin, member: Member, mode: LeaseMode): Lease => {
    const onSettled = () => {
      member.idleSince = performance.now();
      const isIdle = member.sharers === 0 && !member.isAlone;
      if (isIdle && member.isSpent && kin.members.has(member)) dismiss(member, "spent");
      else parts.onIdle();
      wakeAll();
    };
    return createLease({ kin, member, mode, onChange: wakeAll, onSettled });
  };

  const sweep = (now: number): number | "empty" => {
    const { warmMs, lifetimeMs } = server.timeouts;
    let next = Number.POSITIVE_INFINITY;
    let isEmpty = arriving === 0 && retained === 0;
    for (const [key, { members, starts }] of groups) {
      for (const member of [...members]) {
        const isIdle = member.sharers === 0 && !member.isAlone;
        if (lifetimeMs > 0 && now - member.bornAt >= lifetimeMs) member.isSpent = true;
        if (isIdle && member.isSpent) dismiss(member, "lifetime");
        else if (isIdle && member.holds === 0 && now - member.idleSince >= warmMs) dismiss(member, "idle");
        else {
          isEmpty = false;
          if (isIdle && member.holds === 0) next = Math.min(next, member.idleSince + warmMs);
          if (lifetimeMs > 0) next = Math.min(next, Math.max(member.bornAt + lifetimeMs, now + 1_000));
        }
      }
      if (starts.underWay() > 0) isEmpty = false;
      else if (members.size === 0) groups.delete(key);
    }
    return isEmpty ? "empty" : next;
  };

  return {
    retain: () => {
      let isRetained = true;
      retained++;
      return () => {
        if (!isRetained) return;
        isRetained = false;
        retained--;
        parts.onIdle();
      };
    },
    lease,
    asksRoots: (profile, wanted) => groupFor({ ...leaseLike(wanted, profile), wanted }).asksRoots,
    news,
    subscriptions,
    members: function* () {
      for (const { members } of groups.values()) yield* members;
    },
    dismiss,
    sweep,
    close: () => {
      closed = true;
      for (const { members, starts } of groups.values()) {
        starts.abandonAll();
        for (const member of [...members]) dismiss(member, "shutdown");
      }
      wakeAll();
    },
  };
}

const noSignal = new AbortController().signal;

function leaseLike(era: Era, profile: Profile): LeaseRequest {
  return { profile, wanted: era, mode: "shared", signal: noSignal };
}
