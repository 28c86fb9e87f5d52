import type { Era, KnownEras } from "./eras.ts";
import { type Identity, isDualEra } from "./identity.ts";
import { judgeDiscover, judgeInitialize, type Reply } from "./reply.ts";

/*
 * How the era of a child is found out, as one tagged state. No I/O: the handshake asks what a state needs, and feeds it what comes.
 *
 * - A child is asked in one way, and then in the other: both questions may lie before it at once, and its answers decide. Slowness
 *   decides nothing, so no child is given up for it before the start's own deadline.
 * - `server/discover` comes before `initialize` wherever the child may be modern and its client is: an `initialize` makes a server of
 *   both eras a legacy one for good (2026-07-28, basic/versioning).
 * - Time counts against a child from its first sign of life, and only where the other question can be asked instead.
 * - A child that has taken an `initialize` is used as a legacy one, whatever it said before: both kinds of clients can be served so.
 * - A child is given up for another one (`restart`) only when it has ended, or holds the first question against its client.
 */

export type Negotiation =
  /** `server/discover` is asked. */
  | { readonly kind: "discovering"; readonly isUp: boolean }
  /** `initialize` is asked; before it, `server/discover` was not, or was answered as a legacy server does. */
  | { readonly kind: "initialising"; readonly discover: "unasked" | "legacy" }
  /** Both are asked, and neither is answered. */
  | { readonly kind: "asked-both" }
  /** Both are asked, and it says that it is modern: whether it has become a legacy one, its answer to `initialize` tells. */
  | { readonly kind: "discovered"; readonly identity: Identity }
  /** `initialize` was refused: `server/discover` tells whether that is because it is modern, or has to (`isProven`). */
  | { readonly kind: "confirming"; readonly refusal: Reply; readonly isProven: boolean };

/** What is known and wanted before the first question. */
export interface NegotiationFacts {
  /** The era of the client that waits. */
  readonly wanted: Era;
  readonly known: KnownEras;
  /** 0: `server/discover` is asked only where a refusal proves that there will be an answer. */
  readonly probeMs: number;
}

export type NegotiationEvent =
  | { readonly kind: "discover" | "initialize"; readonly reply: Reply }
  /** The child's first sign of life. */
  | { readonly kind: "up" }
  /** What `patienceMs` allows is over. */
  | { readonly kind: "late" }
  /** The start's own deadline has come. */
  | { readonly kind: "deadline" };

export type NegotiationEnd =
  | { readonly kind: "ready"; readonly identity: Identity; readonly learnt: Partial<KnownEras> }
  /** Another child is to be started, which is known to be so. `isCertain`: answers say so, and not an end. */
  | { readonly kind: "restart"; readonly learnt: Partial<KnownEras>; readonly isCertain: boolean }
  | { readonly kind: "unsupported"; readonly supported: readonly string[] }
  | { readonly kind: "refused"; readonly refusal: Reply }
  /** It gave no answer. `suspected`: what that tells of the next one. */
  | { readonly kind: "silent"; readonly suspected: Partial<KnownEras> | undefined };

export type Step = { readonly state: Negotiation } | { readonly end: NegotiationEnd };

/** A legacy server that says nothing before `initialize` shows no sign of life either: so many probe times it is given then. */
const UNSEEN = 2;

const LEGACY: Partial<KnownEras> = { legacy: true, modern: false };

export function beginNegotiation({ wanted, known, probeMs }: NegotiationFacts): Negotiation {
  const isLegacyFirst = probeMs === 0 || (wanted === "legacy" ? known.legacy !== false : known.modern === false);
  return isLegacyFirst ? { kind: "initialising", discover: "unasked" } : { kind: "discovering", isUp: false };
}

/** The questions that a child must have been asked by now. */
export function questionsOf(state: Negotiation): readonly ("discover" | "initialize")[] {
  switch (state.kind) {
    case "discovering":
      return ["discover"];
    case "initialising":
      return ["initialize"];
    case "asked-both":
    case "discovered":
    case "confirming":
      return ["discover", "initialize"];
  }
}

/** How long this state may last, in milliseconds, from when it began; Infinity: as long as the start. */
export function patienceMs(state: Negotiation, { known, probeMs }: NegotiationFacts): number {
  switch (state.kind) {
    case "discovering":
      if (known.modern === true) return Number.POSITIVE_INFINITY;
      return state.isUp ? probeMs : UNSEEN * probeMs;
    case "discovered":
      return probeMs;
    case "confirming":
      return state.isProven ? Number.POSITIVE_INFINITY : probeMs;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

export function advance(state: Negotiation, event: NegotiationEvent, facts: NegotiationFacts): Step {
  if (event.kind === "up") return state.kind === "discovering" ? { state: { ...state, isUp: true } } : { state };
  if (event.kind === "deadline" || event.kind === "late") return onTime(state, event.kind);
  if (event.reply.kind === "ended") return { end: onEnded(state, event.reply) };
  return event.kind === "discover" ? onDiscover(state, event.reply) : onInitialize(state, event.reply, facts);
}

function onTime(state: Negotiation, kind: "late" | "deadline"): Step {
  switch (state.kind) {
    case "discovering":
      return kind === "late" ? { state: { kind: "asked-both" } } : { end: { kind: "silent", suspected: undefined } };
    case "initialising":
      return { end: { kind: "silent", suspected: undefined } };
    case "asked-both":
      // There are legacy servers that answer nothing any more once they were asked something before `initialize`.
      return { end: { kind: "silent", suspected: LEGACY } };
    case "discovered":
      return { end: { kind: "ready", identity: state.identity, learnt: learntFrom(state.identity) } };
    case "confirming":
      return { end: { kind: "refused", refusal: state.refusal } };
  }
}

function onEnded(state: Negotiation, reply: Reply): NegotiationEnd {
  switch (state.kind) {
    case "discovering":
    case "asked-both":
      // Some legacy servers exit on a request before `initialize`.
      return { kind: "restart", learnt: LEGACY, isCertain: false };
    case "initialising":
      return state.discover === "unasked"
        ? { kind: "refused", refusal: reply }
        : { kind: "restart", learnt: LEGACY, isCertain: false };
    case "discovered":
      return { kind: "restart", learnt: { modern: true }, isCertain: true };
    case "confirming":
      return state.isProven
        ? { kind: "restart", learnt: { modern: true, legacy: false }, isCertain: true }
        : { kind: "refused", refusal: state.refusal };
  }
}

type Answer = Exclude<Reply, { kind: "ended" }>;

function onDiscover(state: Negotiation, reply: Answer): Step {
  const verdict = judgeDiscover(reply);
  if (verdict.kind === "unsupported") return { end: verdict };
  switch (state.kind) {
    case "discovering":
      if (verdict.kind === "legacy") return { state: { kind: "initialising", discover: "legacy" } };
      return { end: { kind: "ready", identity: verdict.identity, learnt: learntFrom(verdict.identity) } };
    case "asked-both":
      if (verdict.kind === "legacy") return { state: { kind: "initialising", discover: "legacy" } };
      return { state: { kind: "discovered", identity: verdict.identity } };
    case "confirming":
      if (verdict.kind === "legacy") return { end: { kind: "refused", refusal: state.refusal } };
      return { end: { kind: "ready", identity: verdict.identity, learnt: { modern: true, legacy: false } } };
    default:
      return { state };
  }
}

function onInitialize(state: Negotiation, reply: Answer, { probeMs }: NegotiationFacts): Step {
  const verdict = judgeInitialize(reply);
  if (state.kind === "discovered") {
    if (verdict.kind !== "legacy")
      return { end: { kind: "ready", identity: state.identity, learnt: { modern: true, legacy: false } } };
    // It speaks the other era, too, but this child no longer does: what comes next may be asked for either.
    return { end: { kind: "ready", identity: verdict.identity, learnt: { legacy: true } } };
  }
  if (state.kind !== "initialising" && state.kind !== "asked-both") return { state };
  const wasAsked = state.kind === "asked-both" || state.discover === "legacy";
  if (verdict.kind === "legacy") {
    // Where nobody ever asks whether it is modern, too, it counts as not being so: a modern client is to use this very child.
    const learnt = wasAsked || probeMs === 0 ? LEGACY : { legacy: true };
    return { end: { kind: "ready", identity: verdict.identity, learnt } };
  }
  if (verdict.kind === "modern") return { state: { kind: "confirming", refusal: reply, isProven: true } };
  // It may hold the question before the handshake against its client: one that is not asked may do better.
  if (state.kind === "initialising" && state.discover === "legacy")
    return { end: { kind: "restart", learnt: LEGACY, isCertain: reply.kind === "error" } };
  if (state.kind === "initialising" && probeMs === 0) return { end: { kind: "refused", refusal: reply } };
  return { state: { kind: "confirming", refusal: reply, isProven: false } };
}

function learntFrom(modern: Identity): Partial<KnownEras> {
  return isDualEra(modern) ? { modern: true, legacy: true } : { modern: true };
}
