import { ProxyError } from "../base/errors.ts";
import type { Explain } from "../base/explain.ts";
import { sharedSource } from "../bridge/child-source.ts";
import { createClientRequests } from "../bridge/client-requests.ts";
import { createLegacyServerRequest } from "../bridge/legacy-server-request.ts";
import { createModernServerRequest } from "../bridge/modern-server-request.ts";
import type { IncomingRequest, ServerSideParts } from "../bridge/server-side.ts";
import type { Profile } from "../link/handshake.ts";
import type { RawMessage } from "../link/link.ts";
import { type Caller, callerKey } from "../pool/caller.ts";
import type { Pool } from "../pool/pool.ts";
import { isLogLevel, LOG_LEVELS } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { jsonAt } from "../wire/json-value.ts";
import { errorAnswer, type IdKey, idKey } from "../wire/message.ts";
import { progressTokenFlaw } from "../wire/param-types.ts";
import type { SessionRevision } from "../wire/revisions.ts";
import { PROXY_INFO } from "./call-leases.ts";
import type { StatelessSink } from "./sink.ts";
import { whenLeft } from "./stateless-request.ts";

/** A request of a revision with sessions that names none. */
export interface SessionlessRequest extends Caller, IncomingRequest {
  readonly revision: SessionRevision;
  readonly sink: StatelessSink;
  /** Aborted when nobody reads the answer any more: that cancels the request, since no stream will ever bring it. */
  readonly signal: AbortSignal;
  /** The client's address, also when the request is over; asking for it costs. */
  readonly client: () => string;
  /** Called before a process is started for it. @throws ProxyError rate_limited. */
  readonly admitStart?: () => void;
}

/**
 * Requests of clients that never send back the session id they were given: each is served by itself, by children that its caller's
 * requests share. Such a client has no stream, so it can be asked for nothing and hears nothing but what belongs to its request.
 */
export interface Sessionless {
  /** Everything that comes of it goes to its sink, failures too. It never rejects. */
  readonly serve: (request: SessionlessRequest) => Promise<void>;
  /** A notification of such a client: one that cancels a request ends that, if it is clear which one. */
  readonly notice: (caller: Caller, raw: RawMessage) => void;
}

export function createSessionless(pool: Pool, explain: Explain): Sessionless {
  const active = createActiveRequests();

  const serve = async (request: SessionlessRequest): Promise<void> => {
    const { rawId, sink, signal } = request;
    const own = ownAnswer(request);
    if (own !== undefined) {
      sink.answer(Buffer.from(`{"jsonrpc":"2.0","id":${rawId},${own}}`));
      return;
    }
    const flaw = progressTokenFlaw(request.line);
    if (flaw !== undefined) throw new ProxyError("invalid_params", { message: flaw });
    const key = callerKey(request);
    const profile = profileFor(request.revision);
    const { client: address, admitStart } = request;
    const source = sharedSource(pool.childrenOf({ ...request, key }), profile, { address, admitStart });
    const { identity, release } = await source.lease("shared", signal);
    release();
    const parts: ServerSideParts = {
      source,
      identity,
      client: profile,
      isAskable: false,
      clientRequests: createClientRequests(() => undefined),
      deliver: (message) => deliver(message, sink),
      refuse: (_, error) => sink.fail(error),
      explain,
    };
    const create = identity.era === "modern" ? createModernServerRequest : createLegacyServerRequest;
    const onOver = () => forget();
    const served = create({ parts, request, logLevel: () => undefined, signal, onOver });
    const forget = active.add(key, request.id, () => {
      served.cancel("the client cancelled it");
      // Nothing else would end its POST.
      sink.answer(Buffer.from(errorAnswer(rawId, -32603, "The client cancelled this request.", {})));
    });
    sink.begin();
    whenLeft(signal, () => served.cancel("the client closed its connection"));
    await served.begin();
  };

  return {
    serve: (request) => serve(request).catch((error: unknown) => request.sink.fail(explain(error))),
    notice: (caller, { line, message }) => {
      if (message.kind !== "notification" || message.method !== "notifications/cancelled") return;
      const span = valueAt(line, ["params", "requestId"]);
      const id = span === undefined ? undefined : idKey(textAt(line, span));
      if (id !== undefined) active.cancel(callerKey(caller), id);
    },
  };
}

/** Children of these clients are all initialised alike, as far as their revision is the same. */
function profileFor(revision: SessionRevision): Profile {
  return { revision, capabilities: "{}", clientInfo: PROXY_INFO, hasRoots: false };
}

/** Others must not wait for a client that is slow: it loses reports, and no answer. */
function deliver({ line, message }: RawMessage, sink: StatelessSink): undefined {
  if (message.kind === "response") sink.answer(line);
  else if (message.kind === "notification" && !sink.isSlow()) void sink.notify(line);
  return undefined;
}

/** What the proxy answers itself, as `"result":…` or `"error":…`; undefined: it is the server's to answer. */
function ownAnswer({ method, line }: IncomingRequest): string | undefined {
  switch (method) {
    case "ping":
      return '"result":{}';
    case "logging/setLevel":
      // No message of the log reaches a client without a stream, so every level is as good; some clients give up on a refusal.
      return isLogLevel(jsonAt(line, ["params", "level"]))
        ? '"result":{}'
        : `"error":{"code":-32602,"message":"params.level must be one of ${LOG_LEVELS.join(", ")}."}`;
    case "resources/subscribe":
    case "resources/unsubscribe":
      return '"error":{"code":-32601,"message":"Updates need a session: send the Mcp-Session-Id that came with the answer to initialize, and open the GET stream."}';
    default:
      return undefined;
  }
}

interface ActiveRequests {
  /** @returns the remover. */
  readonly add: (caller: string, id: IdKey, cancel: () => void) => () => void;
  /** Cancels a caller's request of this id. Clients of one caller may use the same ids: where two do, it is nobody's. */
  readonly cancel: (caller: string, id: IdKey) => void;
}

function createActiveRequests(): ActiveRequests {
  const active = new Map<string, Set<() => void>>();
  return {
    add: (caller, id, cancel) => {
      const key = `${caller} ${id}`;
      const alike = active.get(key) ?? new Set();
      active.set(key, alike.add(cancel));
      return () => {
        alike.delete(cancel);
        if (alike.size === 0 && active.get(key) === alike) active.delete(key);
      };
    },
    cancel: (caller, id) => {
      const alike = active.get(`${caller} ${id}`);
      if (alike?.size !== 1) return;
      for (const cancel of [...alike]) cancel();
    },
  };
}
