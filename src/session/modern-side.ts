import { ProxyError } from "../base/errors.ts";
import {
  envelopeMembers,
  hasListNews,
  type InputRequired,
  inputRequiredOf,
  listenRequest,
  retryOf,
  toLegacyAnswer,
  toLegacyNotification,
  toModernRequest,
} from "../bridge/legacy-client.ts";
import type { Lease } from "../link/family.ts";
import type { Call } from "../link/shared.ts";
import type { LogLevel } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";
import type { ClientRequest, ServerSide, ServerSideParts } from "./server-side.ts";

/** Rounds that one request may take. */
const MAX_ROUNDS = 100;

/** A server that wants to be asked again, and nothing else, is not asked faster and faster. */
const RETRY_STEP_MS = 20;
const MAX_RETRY_MS = 2_000;

/** How long a subscription may wait for its acknowledgement. */
const LISTEN_MS = 10_000;

/** Before a client has said what it wants to hear, a child of its own may tell it so much. */
const OWN_LOG_LEVEL: LogLevel = "info";

interface Active {
  isCancelled: boolean;
  call: Call | undefined;
  lease: Lease | undefined;
}

interface Listening {
  readonly uris: ReadonlySet<string>;
  readonly end: () => void;
}

/** Serves a legacy client with modern children: context goes along with each request, and rounds are played as requests. */
export function createModernSide(parts: ServerSideParts): ServerSide {
  const { site, identity, client, asks, deliver, refuse } = parts;
  const active = new Map<IdKey, Active>();
  const uris = new Set<string>();
  const closed = new AbortController();
  let logLevel = site.isOwn && identity.capabilities["logging"] !== undefined ? OWN_LOG_LEVEL : undefined;
  let listening: Listening | undefined;
  let isOpen = false;

  const release = (request: ClientRequest) => {
    const entry = active.get(request.id);
    active.delete(request.id);
    entry?.lease?.release();
  };

  const fail = (request: ClientRequest, error: ProxyError) => {
    release(request);
    refuse(request, error);
  };

  const answer = (request: ClientRequest, line: Buffer) => {
    release(request);
    return deliver({ line: toLegacyAnswer(line, request.method), message: { kind: "response", id: request.id } });
  };

  const onNotification = (line: Buffer, method: string) => deliver({ line, message: { kind: "notification", method } });

  /** Asks the client for all that the server wants, and repeats the request with what it said. */
  const playRound = async (request: ClientRequest, entry: Active, wanted: InputRequired, round: number) => {
    if (round >= MAX_ROUNDS)
      throw new ProxyError("child_refused", { message: `The server wanted more than ${MAX_ROUNDS} rounds of input.` });
    if (wanted.requests.size === 0) await Bun.sleep(Math.min(round * RETRY_STEP_MS, MAX_RETRY_MS));
    const answers = await Promise.all(
      [...wanted.requests].map(async ([key, { method, params }]) => ({
        key,
        method,
        said: await asks.ask(method, params, request.id).answer,
      })),
    );
    if (entry.isCancelled) return;
    const responses = new Map<string, string>();
    for (const { key, method, said } of answers) {
      if (said.kind === "result") responses.set(key, said.result);
      // A refusal has a form in elicitation alone.
      else if (method === "elicitation/create") responses.set(key, '{"action":"cancel"}');
      else {
        const error = {
          code: -32603,
          message: `The client refused ${method}.`,
          data: { clientError: JSON.parse(said.error) },
        };
        const line = `{"jsonrpc":"2.0","id":${request.rawId},"error":${JSON.stringify(error)}}`;
        void answer(request, Buffer.from(line));
        return;
      }
    }
    send(request, entry, retryOf(request.line, responses, wanted.requestState), round + 1);
  };

  const send = (request: ClientRequest, entry: Active, line: Buffer, round: number) => {
    const { lease } = entry;
    if (lease === undefined || entry.isCancelled) return;
    const onError = (error: unknown) =>
      fail(request, error instanceof ProxyError ? error : new ProxyError("internal_error", { cause: error }));
    try {
      entry.call = lease.link.call(
        { line: toModernRequest(line, envelopeMembers(client, logLevel)), method: request.method },
        {
          onNotification,
          onAnswer: (answered) => {
            const wanted = inputRequiredOf(answered);
            if (wanted === undefined) return answer(request, answered);
            entry.call = undefined;
            playRound(request, entry, wanted, round).catch(onError);
            return undefined;
          },
          onFailure: (error) => fail(request, error),
        },
      );
    } catch (error) {
      onError(error);
    }
  };

  /** Listens to all that the client may want to hear; the listening before it ends when this one is acknowledged. */
  const listen = async (wantedUris: ReadonlySet<string>): Promise<ReadonlySet<string>> => {
    const lease = await site.lease("shared", closed.signal);
    const letGo = lease.hold();
    const acknowledged = Promise.withResolvers<Buffer | undefined>();
    const timer = setTimeout(acknowledged.resolve, LISTEN_MS, undefined);
    const before = listening;
    let isOver = false;
    const line = listenRequest(lease.identity, [...wantedUris], envelopeMembers(client, undefined));
    const finish = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      acknowledged.resolve(undefined);
      if (listening === own) listening = undefined;
      letGo();
      lease.release();
    };
    const call = lease.link.call(
      { line, method: "subscriptions/listen", isEndless: true },
      {
        onNotification: (notification, method) => {
          if (method !== "notifications/subscriptions/acknowledged")
            return onNotification(toLegacyNotification(notification), method);
          acknowledged.resolve(Buffer.from(notification));
          return undefined;
        },
        onAnswer: () => {
          finish();
          return undefined;
        },
        onFailure: finish,
      },
    );
    const own: Listening = {
      uris: wantedUris,
      end: () => {
        call.cancel("the client listens to something else");
        finish();
      },
    };
    const acknowledgement = await acknowledged.promise;
    clearTimeout(timer);
    if (closed.signal.aborted || acknowledgement === undefined) {
      own.end();
      return new Set();
    }
    listening = own;
    before?.end();
    return agreedUris(acknowledgement);
  };

  /** A child that was lost took the listening along; the next request brings it back. */
  const relisten = () => {
    if (!isOpen || listening !== undefined || (uris.size === 0 && !hasListNews(identity))) return;
    void listen(new Set(uris)).catch(() => undefined);
  };

  const attend = async () => {
    if (!site.isOwn) return;
    const lease = await site.lease("shared", closed.signal);
    lease.attend({
      onNotification: (raw) => deliver(raw),
      onRequest: () => undefined,
    });
  };

  return {
    request: async (request) => {
      const entry: Active = { isCancelled: false, call: undefined, lease: undefined };
      active.set(request.id, entry);
      try {
        // Log messages name no request: they are this one's if it has the child alone.
        const lease = await site.lease(logLevel === undefined || site.isOwn ? "shared" : "alone", closed.signal);
        entry.lease = lease;
        if (entry.isCancelled) {
          lease.release();
          return;
        }
        if (!site.isOwn && logLevel !== undefined)
          lease.attend({ onNotification: (raw) => deliver(raw), onRequest: () => undefined });
      } catch (error) {
        active.delete(request.id);
        if (!(error instanceof ProxyError)) throw error;
        if (!entry.isCancelled) refuse(request, error);
        return;
      }
      send(request, entry, request.line, 0);
      relisten();
    },
    cancel: (id, reason) => {
      const entry = active.get(id);
      if (entry === undefined) return;
      active.delete(id);
      entry.isCancelled = true;
      asks.abandon(id);
      entry.call?.cancel(reason);
      entry.lease?.release();
    },
    setLogLevel: (level) => {
      logLevel = level;
    },
    subscribe: async (uri) => {
      if (uris.has(uri)) return undefined;
      const agreed = await listen(new Set([...uris, uri]));
      if (!agreed.has(uri)) return '{"code":-32602,"message":"The server takes no subscription to this resource."}';
      uris.add(uri);
      return undefined;
    },
    unsubscribe: async (uri) => {
      if (!uris.delete(uri)) return;
      if (uris.size === 0 && !hasListNews(identity)) listening?.end();
      else await listen(new Set(uris));
    },
    open: async () => {
      if (isOpen) return;
      isOpen = true;
      await attend();
      if (hasListNews(identity)) await listen(new Set(uris));
    },
    close: () => {
      closed.abort();
      listening?.end();
      for (const [id, entry] of active) {
        active.delete(id);
        entry.isCancelled = true;
        entry.call?.cancel("the client's session has ended");
        entry.lease?.release();
      }
    },
  };
}

function agreedUris(acknowledgement: Buffer): ReadonlySet<string> {
  const span = valueAt(acknowledgement, ["params", "notifications", "resourceSubscriptions"]);
  const uris: unknown = span === undefined ? [] : JSON.parse(textAt(acknowledgement, span));
  return new Set(Array.isArray(uris) ? uris.filter((uri) => typeof uri === "string") : []);
}
