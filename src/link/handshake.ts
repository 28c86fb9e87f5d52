import { ProxyError } from "../base/errors.ts";
import { isRecord } from "../base/record.ts";
import { META } from "../wire/envelope.ts";
import { NEWEST_STATELESS_REVISION } from "../wire/revisions.ts";
import type { Era, KnownEras } from "./eras.ts";
import type { Identity } from "./identity.ts";
import { describeEnd, startTimeout } from "./link-end.ts";
import {
  advance,
  beginNegotiation,
  type NegotiationEnd,
  type NegotiationEvent,
  patienceMs,
  questionsOf,
} from "./negotiation.ts";
import type { Reply } from "./reply.ts";
import type { SharedLink } from "./shared.ts";

/** After `initialized`, a server may ask for its client's roots at once: so long it is given to have asked. */
const SETTLE_MS = 1_000;

/** How a legacy child is initialised: children that were initialised alike are alike. */
export interface Profile {
  /** Revision that is asked for. */
  readonly revision: string;
  /** JSON text of the client's capabilities, as `initialize` has them. */
  readonly capabilities: string;
  /** JSON text of the client's name and version. */
  readonly clientInfo: string;
  /** Whether the child may ask for roots as soon as it is initialised. */
  readonly hasRoots: boolean;
}

export interface HandshakeOptions {
  readonly link: SharedLink;
  readonly profile: Profile;
  /** The era of the client that waits. */
  readonly wanted: Era;
  readonly known: KnownEras;
  /** How long a child that is up may leave `server/discover` unanswered before it is asked to initialize, too, in milliseconds. */
  readonly probeMs: number;
  /** When the child must be ready, in milliseconds of `performance.now()`; Infinity: whenever it is. */
  readonly deadline: number;
}

/**
 * `ready`: it can be used. `restart`: this child is lost for use, and a new one is to be taken for one of this era;
 * `isCertain`: its answers say so, and not its end. `refused`: it is of no era that we know, or did not answer at all
 * (`isUnanswered`; `suspected` is what that tells of the next one).
 */
export type HandshakeOutcome =
  | { readonly kind: "ready"; readonly identity: Identity; readonly learnt: Partial<KnownEras> }
  | { readonly kind: "restart"; readonly learnt: Partial<KnownEras>; readonly isCertain: boolean }
  | {
      readonly kind: "refused";
      readonly error: ProxyError;
      readonly isUnanswered: boolean;
      readonly suspected?: Partial<KnownEras> | undefined;
    };

/**
 * Finds out the era of a child that has just been started, and makes it ready (2026-07-28, basic/transports/stdio, "Backward
 * Compatibility"): asks the questions of a negotiation, and tells it what comes of them.
 */
export async function shakeHands(options: HandshakeOptions): Promise<HandshakeOutcome> {
  const { link, deadline } = options;
  /** What may come next, each but once. */
  const expected = new Map<string, Promise<NegotiationEvent>>([["up", link.spoke.then(() => ({ kind: "up" }))]]);
  const asked = new Set<string>();
  let state = beginNegotiation(options);
  for (;;) {
    for (const question of questionsOf(state)) {
      if (asked.has(question)) continue;
      asked.add(question);
      const line = question === "discover" ? discoverLine(options) : initializeLine(options);
      const reply = ask(link, question === "discover" ? "server/discover" : "initialize", line);
      expected.set(
        question,
        reply.then((came) => ({ kind: question, reply: came })),
      );
    }
    const lateAt = performance.now() + patienceMs(state, options);
    const event = await next(expected.values(), Math.min(lateAt, deadline), lateAt < deadline ? "late" : "deadline");
    expected.delete(event.kind);
    const step = advance(state, event, options);
    if ("end" in step) return conclude(options, step.end);
    state = step.state;
  }
}

/** The first of what is expected, or that the time is over. */
async function next(
  expected: Iterable<Promise<NegotiationEvent>>,
  until: number,
  over: "late" | "deadline",
): Promise<NegotiationEvent> {
  if (until === Number.POSITIVE_INFINITY) return Promise.race(expected);
  const { promise: late, resolve } = Promise.withResolvers<NegotiationEvent>();
  const timer = setTimeout(resolve, Math.max(1, until - performance.now()), { kind: over });
  try {
    return await Promise.race([...expected, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function conclude(options: HandshakeOptions, end: NegotiationEnd): Promise<HandshakeOutcome> {
  switch (end.kind) {
    case "ready":
      await greet(options, end.identity);
      return end;
    case "restart":
      return end;
    case "unsupported": {
      const revisions = end.supported.join(", ").slice(0, 300);
      const message = `The server speaks no revision of MCP that the proxy knows. Its revisions: ${revisions}.`;
      const error = new ProxyError("child_refused", { message, data: { supported: end.supported } });
      return { kind: "refused", error, isUnanswered: false };
    }
    case "silent":
      return {
        kind: "refused",
        error: startTimeout(options.link.startWords()),
        isUnanswered: true,
        suspected: end.suspected,
      };
    case "refused":
      if (end.refusal.kind === "ended")
        return { kind: "refused", error: describeEnd(await options.link.ended), isUnanswered: true };
      return { kind: "refused", error: refusedInitialize(end.refusal), isUnanswered: false };
  }
}

/** What follows the handshake of a legacy child. */
async function greet({ link, profile, deadline }: HandshakeOptions, { era }: Identity): Promise<void> {
  if (era !== "legacy") return;
  link.write(Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}'));
  if (!profile.hasRoots) return;
  // Answered after what the server does on being initialised: what it wants to know first has been asked by then.
  const settled = ask(link, "ping", '{"jsonrpc":"2.0","id":0,"method":"ping"}');
  const until = Math.min(performance.now() + SETTLE_MS, deadline);
  await next([settled.then((reply) => ({ kind: "initialize", reply }))], until, "late");
}

function refusedInitialize(reply: Reply): ProxyError {
  const error = reply.kind === "error" && isRecord(reply.error) ? reply.error : {};
  const { code, message, data } = error;
  const said = typeof message === "string" ? `: ${message.slice(0, 300)}` : "";
  return new ProxyError("child_refused", {
    message: `The server refused to be initialised${said}`,
    data: { serverError: { code, message, data } },
  });
}

function discoverLine({ profile }: HandshakeOptions): string {
  return discoverRequest("0", profile.clientInfo);
}

/** A `server/discover` (2026-07-28) on one line; `rawId` and `clientInfo` are JSON texts. */
export function discoverRequest(rawId: string, clientInfo: string): string {
  const meta = `{"${META.protocolVersion}":"${NEWEST_STATELESS_REVISION}","${META.clientInfo}":${clientInfo},"${META.clientCapabilities}":{}}`;
  return `{"jsonrpc":"2.0","id":${rawId},"method":"server/discover","params":{"_meta":${meta}}}`;
}

function initializeLine({ profile }: HandshakeOptions): string {
  const { revision, capabilities, clientInfo } = profile;
  const params = `{"protocolVersion":${JSON.stringify(revision)},"capabilities":${capabilities},"clientInfo":${clientInfo}}`;
  return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":${params}}`;
}

/** The child's answer to a request of ours. It never rejects: a child that is gone gives no answer. */
function ask(link: SharedLink, method: string, line: string): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>();
  try {
    link.call(
      { line: Buffer.from(line), method, isEndless: true },
      {
        onNotification: () => undefined,
        onAnswer: (answer) => {
          resolve(replyOf(answer));
          return undefined;
        },
        onFailure: () => resolve({ kind: "ended" }),
      },
    );
  } catch {
    resolve({ kind: "ended" });
  }
  return promise;
}

/** Reads an answer. */
export function replyOf(answer: Buffer): Exclude<Reply, { kind: "ended" }> {
  const parsed: unknown = JSON.parse(answer.toString());
  const { result, error } = isRecord(parsed) ? parsed : {};
  return error === undefined || error === null ? { kind: "result", result } : { kind: "error", error };
}
