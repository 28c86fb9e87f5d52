import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Server } from "../process/server.ts";
import { type Era, type EraMemory, servedEra } from "./eras.ts";
import type { Profile } from "./handshake.ts";
import type { Identity } from "./identity.ts";
import type { RawMessage } from "./link.ts";
import type { Attendant, Member } from "./member.ts";
import { createNews, type News } from "./news.ts";
import type { SharedLink } from "./shared.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";

/** Children that are had alone at a time by callers who are alike; more callers wait. Those that wait for input don't count. */
const MAX_ALONE = 8;

/** How long a caller waits for its turn with a child of its own, where the server sets no time for a start. */
const LONGEST_WAIT_MS = 60_000;

/** `shared`: beside the calls of others. `alone`: what the child asks and tells in the meantime is this caller's. */
export type LeaseMode = "shared" | "alone";

export interface LeaseRequest {
  readonly profile: Profile;
  /** The era of the client. */
  readonly wanted: Era;
  readonly mode: LeaseMode;
  /** The client's roots, as JSON text: a child that was told the same ones, or none, will do. undefined: one that was told none. */
  readonly roots?: string | undefined;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** The use of a child, for one call. */
export interface Lease {
  readonly link: SharedLink;
  readonly identity: Identity;
  /** The children that are alike: what one says of its tools holds for all. */
  readonly kin: object;
  /** Hears the child, as long as nobody else does. @returns requests that it has made already. */
  readonly attend: (attendant: Attendant) => readonly RawMessage[];
  /** The caller is asked for input, which may take long; or goes on. */
  readonly setParked: (isParked: boolean) => void;
  /** The child is told its client's roots: clients with the same ones may have it next. */
  readonly tellRoots: (roots: string) => void;
  /** The child has been told something that no other client must find in it, or is still at work for one. */
  readonly spend: () => void;
  /** Keeps the child from being ended for idleness, for as long as somebody listens. @returns the remover. */
  readonly hold: () => () => void;
  /** Gives it back; may be called again. */
  readonly release: () => void;
}

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
  readonly log: Logger;
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

/** Children that were started alike, and the start of one that all of them wait for. */
interface Kin {
  readonly members: Set<Member>;
  /** One of them has asked its client for roots: so will the others. */
  asksRoots: Identity | undefined;
  starting: { readonly done: Promise<unknown>; waiters: number; readonly abandon: AbortController } | undefined;
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
    const key = era === "legacy" ? legacyKey : era;
    const known = groups.get(key);
    if (known !== undefined) return known;
    // What is known may be in doubt; the children that are there serve all the same.
    if (era === "unknown") {
      const living = [groups.get(legacyKey), groups.get("modern")].find(
        (kin) => kin !== undefined && usable(kin).length > 0,
      );
      if (living !== undefined) return living;
    }
    const kin: Kin = { members: new Set(), asksRoots: undefined, starting: undefined };
    groups.set(key, kin);
    return kin;
  };

  const begin = (kin: Kin, { profile, wanted }: LeaseRequest) => {
    const abandon = new AbortController();
    const done = parts
      .start(parts, profile, wanted, abandon.signal)
      .then((member) => {
        if (closed) return void parts.stop(member, parts, "shutdown");
        return adopt(groupOf(member, profile), member);
      })
      .finally(() => {
        kin.starting = undefined;
      });
    kin.starting = { done, waiters: 0, abandon };
    return kin.starting;
  };

  /** Where a child belongs whose era was not known before it was started. */
  const groupOf = ({ identity }: Member, profile: Profile): Kin => groupFor(leaseLike(identity.era, profile));

  /** One start, however many ask for it; it is cancelled when nobody does any more. */
  const joinStart = async (kin: Kin, request: LeaseRequest) => {
    if (kin.starting?.abandon.signal.aborted === true) {
      // Whoever waited for it has left, and it is on its way out: nobody else must get its end for an answer.
      await kin.starting.done.catch(() => undefined);
      return;
    }
    const starting = kin.starting ?? begin(kin, request);
    starting.waiters++;
    const leave = () => {
      if (--starting.waiters === 0) starting.abandon.abort();
    };
    request.signal.addEventListener("abort", leave, { once: true });
    if (request.signal.aborted) leave();
    try {
      await starting.done;
    } finally {
      request.signal.removeEventListener("abort", leave);
    }
  };

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
        const alone = [...kin.members].filter(({ isAlone, isParked }) => isAlone && !isParked).length;
        if (mode === "shared" || alone < MAX_ALONE || kin.starting !== undefined) {
          await joinStart(kin, request);
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
    let isReleased = false;
    let unattend = () => {};
    const settle = () => {
      member.idleSince = performance.now();
      if (member.sharers === 0 && !member.isAlone && member.isSpent && kin.members.has(member))
        dismiss(member, "spent");
      else parts.onIdle();
      wakeAll();
    };
    return {
      link: member.link,
      identity: member.identity,
      kin,
      attend: (attendant) => {
        const { waiting, leave } = member.attend(attendant);
        unattend = leave;
        return waiting;
      },
      setParked: (isParked) => {
        if (isReleased) return;
        member.isParked = isParked;
        wakeAll();
      },
      tellRoots: (roots) => {
        kin.asksRoots = member.identity;
        if (member.roots !== undefined && member.roots !== roots) member.isSpent = true;
        member.roots = roots;
      },
      spend: () => {
        member.isSpent = true;
      },
      hold: () => {
        let isHeld = true;
        member.holds++;
        return () => {
          if (!isHeld) return;
          isHeld = false;
          member.holds--;
          settle();
        };
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        unattend();
        if (mode === "shared") {
          member.sharers--;
        } else {
          member.isAlone = false;
          member.isParked = false;
        }
        settle();
      },
    };
  };

  const sweep = (now: number): number | "empty" => {
    const { warmMs, lifetimeMs } = server.timeouts;
    let next = Number.POSITIVE_INFINITY;
    let isEmpty = arriving === 0 && retained === 0;
    for (const [key, { members, starting }] of groups) {
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
      if (starting !== undefined) isEmpty = false;
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
      for (const { members, starting } of groups.values()) {
        starting?.abandon.abort();
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
