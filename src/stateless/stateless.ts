import { ProxyError } from "../base/errors.ts";
import { ASKING_METHODS, mayBeAsked, sharedCapabilities } from "../bridge/messages/capabilities.ts";
import {
  discoverResult,
  inputRequiredAnswer,
  inputResponsesOf,
} from "../bridge/messages/modern-client-legacy-server.ts";
import { requestDigest } from "../bridge/messages/request-digest.ts";
import { subscriptionEnd } from "../bridge/messages/rounds.ts";
import { type EraMemory, servedEra } from "../link/eras.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import { type Caller, callerKey } from "../pool/caller.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease, LeaseMode } from "../pool/lease.ts";
import type { Pool } from "../pool/pool.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { paramHeaderMismatch } from "../wire/param-headers.ts";
import { MCP_ROUTE_REVISIONS, NEWEST_SESSION_REVISION } from "../wire/revisions.ts";
import { createLegacyServerCall } from "./legacy-server-call.ts";
import { createLegacyServerSubscription } from "./legacy-server-subscription.ts";
import { createModernServerCall } from "./modern-server-call.ts";
import { type Binding, createParking, type ParkedCall } from "./parked-calls.ts";
import type { Round } from "./round.ts";
import { createToolHeaders } from "./tool-headers.ts";

/** Methods of other revisions, and those of servers: no request of 2026-07-28 has them, whatever the child would say. */
const FOREIGN: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "roots/list",
  "sampling/createMessage",
  "elicitation/create",
]);

/** Subscriptions of all clients together. */
const MAX_LISTENERS = 10_000;

const STATE_PATH = ["params", "requestState"];

/** What a client is asked before it gets a child. */
const ROOTS_KEY = "roots-1";
const ROOTS_REQUEST: ReadonlyMap<string, string> = new Map([[ROOTS_KEY, '{"method":"roots/list","params":{}}']]);

/** Who starts a child for a client that does not name itself. */
const PROXY_INFO = '{"name":"mcp-sse-proxy","version":"1"}';

export interface StatelessRequest extends Caller {
  readonly round: Round;
  /** Aborted when nobody reads the answer any more: that cancels the request. */
  readonly signal: AbortSignal;
}

export interface StatelessOptions {
  readonly pool: Pool;
  readonly eras: EraMemory;
  /** Calls in all that may wait for input; 0: any number. */
  readonly maxParkedCalls: number;
}

/** Requests of revision 2026-07-28, each by itself: served by children that their caller's requests share. */
export interface Stateless {
  /** Serves a request: everything that comes of it goes to its sink. @throws ProxyError before anything went there. */
  readonly serve: (request: StatelessRequest) => Promise<void>;
  /** Ends subscriptions, in good order, and calls that wait for input. */
  readonly close: () => void;
}

export function createStateless({ pool, eras, maxParkedCalls }: StatelessOptions): Stateless {
  const parking = createParking<Round>(maxParkedCalls);
  const toolHeaders = createToolHeaders();
  const listenings = new Set<{ readonly close: () => void }>();

  const childrenOf = (request: StatelessRequest): CallerChildren =>
    pool.childrenOf({ key: callerKey(request), server: request.server, variables: request.variables });

  const leaseFor = (
    request: StatelessRequest,
    children: CallerChildren,
    mode: LeaseMode,
    roots?: string,
  ): Promise<Lease> =>
    children.lease({ profile: profileOf(request.round), wanted: "modern", mode, roots, signal: request.signal });

  const modeFor = ({ round: { method, envelope } }: StatelessRequest, isLegacy: boolean): LeaseMode => {
    if (envelope.logLevel !== undefined) return "alone";
    return isLegacy && ASKING_METHODS.has(method) && mayBeAsked(envelope.capabilities) ? "alone" : "shared";
  };

  /** A child for a call. Whether it must be had alone depends on its era, which may turn out to be another one. */
  const leaseForCall = async (
    request: StatelessRequest,
    children: CallerChildren,
    roots: string | undefined,
  ): Promise<[Lease, LeaseMode]> => {
    const mode = modeFor(request, servedEra(eras.of(request.server), "modern") === "legacy");
    const lease = await leaseFor(request, children, mode, roots);
    const wanted = modeFor(request, lease.identity.era === "legacy");
    if (mode === "alone" || wanted === "shared") return [lease, mode];
    lease.release();
    return [await leaseFor(request, children, wanted, roots), wanted];
  };

  /** Compares the headers of a tool call with its arguments; a list that may be old is read again before it is believed. */
  const checkToolHeaders = async ({ line, header, method }: Round, lease: Lease, { notifications }: CallerChildren) => {
    if (method !== "tools/call") return;
    const name = valueAt(line, ["params", "name"]);
    if (name === undefined) return;
    const tool: unknown = JSON.parse(textAt(line, name));
    const span = valueAt(line, ["params", "arguments"]);
    const mismatch = async (fresh: boolean) => {
      const wanted = await toolHeaders.of(lease, notifications, String(tool), fresh);
      if (wanted.length === 0) return undefined;
      return paramHeaderMismatch(wanted, span === undefined ? undefined : JSON.parse(textAt(line, span)), header);
    };
    if ((await mismatch(false)) === undefined) return;
    const problem = await mismatch(true);
    if (problem !== undefined) throw new ProxyError("header_mismatch", { message: problem });
  };

  const whenLeft = (signal: AbortSignal, leave: () => void) => {
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  };

  const discover = async (request: StatelessRequest, children: CallerChildren) => {
    const lease = await leaseFor(request, children, "shared");
    const result = discoverResult(lease.identity, MCP_ROUTE_REVISIONS);
    lease.release();
    request.round.sink.answer(Buffer.from(`{"jsonrpc":"2.0","id":${request.round.rawId},"result":${result}}`));
  };

  const listen = async (request: StatelessRequest, children: CallerChildren) => {
    if (listenings.size >= MAX_LISTENERS) throw new ProxyError("session_limit", { retryAfterSeconds: 30 });
    const { round, signal } = request;
    const lease = await leaseFor(request, children, "shared");
    round.sink.begin();
    if (lease.identity.era === "modern") {
      const unpin = lease.pin();
      const listening = { close: () => round.sink.answer(subscriptionEnd(round.rawId)) };
      const onEnd = () => {
        listenings.delete(listening);
        unpin();
      };
      const call = createModernServerCall({ lease, isAlone: false, round, isEndless: true, onEnd });
      listenings.add(listening);
      call.start();
      whenLeft(signal, call.leave);
      return;
    }
    const listening = createLegacyServerSubscription({
      children,
      lease,
      round,
      onEnd: () => listenings.delete(listening),
    });
    listenings.add(listening);
    whenLeft(signal, listening.leave);
    await listening.start();
  };

  const bindingOf = ({ line, method }: Round, caller: string): Binding => {
    let digest: string | undefined;
    const request = () => {
      digest ??= requestDigest(line, method);
      return digest;
    };
    return { caller, request };
  };

  const resume = async ({ round, signal }: StatelessRequest, stateText: string, caller: string) => {
    const binding = bindingOf(round, caller);
    round.sink.begin();
    await parking.find(stateText, binding).check(round);
    const parked = parking.take(stateText, binding);
    parked.resume(round);
    whenLeft(signal, () => parked.leave(round));
  };

  /**
   * Asks the client for its roots before it gets a child, which then may be one that knows them already: a server that asks
   * for roots would otherwise need a process for each call.
   */
  const askForRoots = ({ round, ...request }: StatelessRequest, asker: Identity, caller: string) => {
    const binding = bindingOf(round, caller);
    const left = new AbortController();
    const ask = ({ rawId, sink }: Round) => {
      const state = parking.park(waiting, binding, request.server.timeouts.parkedMs);
      sink.answer(inputRequiredAnswer(rawId, ROOTS_REQUEST, state, asker));
    };
    const waiting: ParkedCall<Round> = {
      // The call itself does, once it has a child.
      check: () => Promise.resolve(),
      resume: (next) => {
        const fail = (error: unknown) =>
          next.sink.fail(error instanceof ProxyError ? error : new ProxyError("internal_error", { cause: error }));
        const roots = inputResponsesOf(next.line).get(ROOTS_KEY);
        try {
          if (roots === undefined) ask(next);
          else call({ ...request, round: next, signal: left.signal }, caller, roots).catch(fail);
        } catch (error) {
          fail(error);
        }
      },
      leave: () => left.abort(),
      expire: () => left.abort(),
    };
    ask(round);
  };

  const call = async (request: StatelessRequest, caller: string, roots: string | undefined): Promise<void> => {
    const { round, signal, server } = request;
    const children = childrenOf(request);
    const isLegacy = servedEra(eras.of(server), "modern") === "legacy";
    const profile = profileOf(round);
    if (roots === undefined && isLegacy && profile.hasRoots && ASKING_METHODS.has(round.method)) {
      const asker = children.asksRoots(profile, "modern");
      if (asker !== undefined) return askForRoots(request, asker, caller);
    }
    const [lease, mode] = await leaseForCall(request, children, roots);
    try {
      if (lease.identity.era === "legacy" && roots === undefined && stateOf(round.line) !== undefined) {
        throw new ProxyError("request_state_refused", {
          message: "The requestState is not one that this proxy gave, or it was changed.",
        });
      }
      await checkToolHeaders(round, lease, children);
      // Nothing may begin for a client that has left while its headers were checked.
      if (signal.aborted) throw new ProxyError("session_not_found", { message: "The client left." });
    } catch (error) {
      lease.release();
      throw error;
    }
    round.sink.begin();
    const isAlone = mode === "alone";
    if (lease.identity.era === "modern") {
      const passed = createModernServerCall({ lease, isAlone, round, isEndless: false, onEnd: () => undefined });
      passed.start();
      whenLeft(signal, passed.leave);
      return;
    }
    const { parkedMs } = server.timeouts;
    const bridged = createLegacyServerCall({
      lease,
      isAlone,
      round,
      roots,
      binding: bindingOf(round, caller),
      parking,
      parkedMs,
      keptBytes: server.limits.outboxBytes,
      check: (next) => checkToolHeaders(next, lease, children),
      again: (next, left) => {
        call({ ...request, round: next, signal: left }, caller, roots).catch((error: unknown) =>
          next.sink.fail(error instanceof ProxyError ? error : new ProxyError("internal_error", { cause: error })),
        );
      },
    });
    bridged.start();
    whenLeft(signal, () => bridged.leave(round));
  };

  return {
    serve: async (request) => {
      const { method } = request.round;
      if (FOREIGN.has(method)) {
        throw new ProxyError("method_not_found", {
          message: `Revision 2026-07-28 has no request ${JSON.stringify(method)}.`,
        });
      }
      if (method === "server/discover") return discover(request, childrenOf(request));
      if (method === "subscriptions/listen") return listen(request, childrenOf(request));
      const state = stateOf(request.round.line);
      const caller = callerKey(request);
      // A modern server's own states are its business.
      if (typeof state === "string" && parking.isOwn(state)) return resume(request, state, caller);
      return call(request, caller, undefined);
    },
    close: () => {
      for (const listening of [...listenings]) listening.close();
      listenings.clear();
      parking.clear();
    },
  };
}

/** What the client says that it was given; null is nothing. */
function stateOf(line: Buffer): unknown {
  const span = line.includes('"requestState"') ? valueAt(line, STATE_PATH) : undefined;
  const state: unknown = span === undefined ? undefined : JSON.parse(textAt(line, span));
  return state === null ? undefined : state;
}

function profileOf({ envelope }: Round): Profile {
  const capabilities = sharedCapabilities(envelope.capabilities);
  return {
    revision: NEWEST_SESSION_REVISION,
    capabilities: JSON.stringify(capabilities),
    clientInfo: envelope.clientInfo ?? PROXY_INFO,
    hasRoots: capabilities["roots"] !== undefined,
  };
}
