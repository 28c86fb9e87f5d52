import { ProxyError } from "../base/errors.ts";
import { isRecord } from "../base/record.ts";
import { META } from "../wire/envelope.ts";
import { NEWEST_STATELESS_REVISION } from "../wire/revisions.ts";
import type { Era, KnownEras } from "./eras.ts";
import { type Identity, identityOfDiscover, identityOfInitialize, isDualEra } from "./identity.ts";
import { describeEnd } from "./link-end.ts";
import type { SharedLink } from "./shared.ts";

/** After `initialized`, a server may ask for its client's roots at once: so long it is given to have asked. */
const SETTLE_MS = 1_000;

/** A server that is silent may be on its way still: npx downloads before it starts. So many times the probe's time it is given. */
const SLOW_START = 6;

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
  /** How long `server/discover` may stay unanswered before the other era is tried, in milliseconds; 0: it is never asked. */
  readonly probeMs: number;
  /** When the child must be ready, in milliseconds of `performance.now()`; Infinity: whenever it is. */
  readonly deadline: number;
}

/**
 * `ready`: it can be used. `restart`: this child is lost for use, and a new one is to be taken for one of this era;
 * `isCertain`: its answers say so, and not its silence or its end. `refused`: it is of no era that we know, or did not answer
 * as one that has to (`isUnanswered`).
 */
export type HandshakeOutcome =
  | { readonly kind: "ready"; readonly identity: Identity; readonly learnt: Partial<KnownEras> }
  | { readonly kind: "restart"; readonly learnt: Partial<KnownEras>; readonly isCertain: boolean }
  | { readonly kind: "refused"; readonly error: ProxyError; readonly isUnanswered: boolean };

type Reply =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "ended" }
  | { readonly kind: "silent" };

/**
 * Finds out the era of a child that has just been started, and makes it ready (2026-07-28, basic/transports/stdio, "Backward
 * Compatibility"). Some legacy servers exit on a request before `initialize`, or fall silent: both cost a child, once.
 */
export async function shakeHands(options: HandshakeOptions): Promise<HandshakeOutcome> {
  const { wanted, known, probeMs } = options;
  const isLegacyFirst = probeMs === 0 || (wanted === "legacy" ? known.legacy !== false : known.modern === false);
  return isLegacyFirst ? initializeFirst(options) : discoverFirst(options);
}

async function initializeFirst(options: HandshakeOptions): Promise<HandshakeOutcome> {
  const { link, probeMs, deadline } = options;
  const reply = await within(initialize(options), left(deadline));
  const identity = reply.kind === "result" ? identityOfInitialize(reply.result) : undefined;
  // Where nobody ever asks whether it is modern, too, it counts as not being so: a modern client is to use this very child.
  if (identity !== undefined) return ready(options, identity, probeMs === 0 ? LEGACY : { legacy: true });
  if (reply.kind === "silent") return { kind: "refused", error: new ProxyError("start_timeout"), isUnanswered: true };
  if (reply.kind === "ended") return refusedByEnd(link);
  if (probeMs > 0) {
    const probed = await within(discover(options), Math.min(probeMs, left(deadline)));
    const modern = probed.kind === "result" ? identityOfDiscover(probed.result) : undefined;
    if (modern !== undefined) return ready(options, modern, { modern: true, legacy: false });
  }
  return { kind: "refused", error: refusedInitialize(reply), isUnanswered: false };
}

async function discoverFirst(options: HandshakeOptions): Promise<HandshakeOutcome> {
  const { deadline } = options;
  const probeMs = () => Math.min(options.probeMs, left(deadline));
  const discovering = discover(options);
  const first = await within(discovering, probeMs());
  if (first.kind === "ended") return { kind: "restart", learnt: LEGACY, isCertain: false };
  if (first.kind !== "silent") {
    const modern = judge(first);
    if (modern === "unsupported") return refusedRevision(first);
    if (modern !== undefined) return ready(options, modern, learntFrom(modern));
    return initializeAfter(options);
  }
  // Slow to start, or silent on what it does not know. Whichever it answers first says what it is.
  const initializing = initialize(options);
  const patience = Math.min(SLOW_START * options.probeMs, left(deadline) / 2);
  const second = await within(Promise.race([discovering, initializing]), patience);
  const modern = second.kind === "result" ? identityOfDiscover(second.result) : undefined;
  // The initialize that it got in the meantime may have made a server of both eras a legacy one.
  if (modern !== undefined) return { kind: "restart", learnt: learntFrom(modern), isCertain: true };
  if (second.kind === "silent" || second.kind === "ended") return { kind: "restart", learnt: LEGACY, isCertain: false };
  const answer = await within(initializing, left(deadline));
  const identity = answer.kind === "result" ? identityOfInitialize(answer.result) : undefined;
  if (identity !== undefined) return ready(options, identity, LEGACY);
  const late = await within(discovering, probeMs());
  const lateModern = late.kind === "result" ? identityOfDiscover(late.result) : undefined;
  if (lateModern !== undefined) return { kind: "restart", learnt: learntFrom(lateModern), isCertain: true };
  return { kind: "refused", error: refusedInitialize(answer), isUnanswered: answer.kind !== "error" };
}

/** `server/discover` was answered as a legacy server does. */
async function initializeAfter(options: HandshakeOptions): Promise<HandshakeOutcome> {
  const reply = await within(initialize(options), left(options.deadline));
  const identity = reply.kind === "result" ? identityOfInitialize(reply.result) : undefined;
  if (identity !== undefined) return ready(options, identity, LEGACY);
  // It may hold the question before the handshake against its client: one that is not asked may do better.
  return { kind: "restart", learnt: LEGACY, isCertain: reply.kind === "error" };
}

const LEGACY: Partial<KnownEras> = { legacy: true, modern: false };

function learntFrom(modern: Identity): Partial<KnownEras> {
  return isDualEra(modern) ? { modern: true, legacy: true } : { modern: true };
}

/** A DiscoverResult, or an error that only a modern server gives. */
function judge(reply: Reply): Identity | "unsupported" | undefined {
  if (reply.kind === "result") return identityOfDiscover(reply.result);
  if (reply.kind !== "error" || !isRecord(reply.error)) return undefined;
  const { code, data } = reply.error;
  return code === -32022 && isRecord(data) && Array.isArray(data["supported"]) ? "unsupported" : undefined;
}

async function ready(
  { link, profile }: HandshakeOptions,
  identity: Identity,
  learnt: Partial<KnownEras>,
): Promise<HandshakeOutcome> {
  if (identity.era === "legacy") {
    link.write(Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}'));
    // Answered after what the server does on being initialised: what it wants to know first has been asked by then.
    if (profile.hasRoots) await within(ask(link, "ping", '{"jsonrpc":"2.0","id":0,"method":"ping"}'), SETTLE_MS);
  }
  return { kind: "ready", identity, learnt };
}

async function refusedByEnd(link: SharedLink): Promise<HandshakeOutcome> {
  return { kind: "refused", error: describeEnd(await link.ended), isUnanswered: true };
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

function refusedRevision(reply: Reply): HandshakeOutcome {
  const data = reply.kind === "error" && isRecord(reply.error) ? reply.error["data"] : undefined;
  const supported = isRecord(data) && Array.isArray(data["supported"]) ? data["supported"].slice(0, 20) : [];
  const message = `The server speaks no revision of MCP that the proxy knows. Its revisions: ${supported.join(", ").slice(0, 300)}.`;
  const error = new ProxyError("child_refused", { message, data: { supported } });
  return { kind: "refused", error, isUnanswered: false };
}

function discover({ link, profile }: HandshakeOptions): Promise<Reply> {
  const meta = `{"${META.protocolVersion}":"${NEWEST_STATELESS_REVISION}","${META.clientInfo}":${profile.clientInfo},"${META.clientCapabilities}":{}}`;
  return ask(link, "server/discover", `{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{"_meta":${meta}}}`);
}

function initialize({ link, profile }: HandshakeOptions): Promise<Reply> {
  const { revision, capabilities, clientInfo } = profile;
  const params = `{"protocolVersion":${JSON.stringify(revision)},"capabilities":${capabilities},"clientInfo":${clientInfo}}`;
  return ask(link, "initialize", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":${params}}`);
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
          const parsed: unknown = JSON.parse(answer.toString());
          const { result, error } = isRecord(parsed) ? parsed : {};
          resolve(error === undefined || error === null ? { kind: "result", result } : { kind: "error", error });
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

/** Milliseconds until then. */
function left(deadline: number): number {
  return Math.max(1, deadline - performance.now());
}

async function within(reply: Promise<Reply>, ms: number): Promise<Reply> {
  if (ms === Number.POSITIVE_INFINITY) return reply;
  const { promise: late, resolve } = Promise.withResolvers<Reply>();
  const timer = setTimeout(resolve, ms, { kind: "silent" });
  try {
    return await Promise.race([reply, late]);
  } finally {
    clearTimeout(timer);
  }
}
