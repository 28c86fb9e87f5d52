import { ProxyError } from "../base/errors.ts";
import { isRecord } from "../base/record.ts";
import type { RawMessage } from "../link/link.ts";
import type { Call } from "../link/shared.ts";

import type { Lease } from "../pool/lease.ts";
import type { LogLevel } from "../wire/envelope.ts";
import type { IdKey } from "../wire/message.ts";
import { inputRefusal } from "./messages/input-refusal.ts";
import {
  envelopeMembers,
  type InputRequired,
  inputRequiredOf,
  retryOf,
  toLegacyAnswer,
  toModernRequest,
} from "./messages/legacy-client-modern-server.ts";
import { createModernServerListening } from "./modern-server-listening.ts";
import type { IncomingRequest, ServerSide, ServerSideParts } from "./server-side.ts";

/** Rounds that one request may take. */
const MAX_ROUNDS = 100;

/** A server that wants to be asked again, and nothing else, is not asked faster and faster. */
const RETRY_STEP_MS = 20;
const MAX_RETRY_MS = 2_000;

/** Before a client has said what it wants to hear, a child of its own may tell it so much. */
const OWN_LOG_LEVEL: LogLevel = "info";

interface Active {
  readonly isAlone: boolean;
  isCancelled: boolean;
  call: Call | undefined;
  lease: Lease | undefined;
}

/** Serves a legacy client with modern children: context goes along with each request, and rounds are played as requests. */
export function createModernServerSide(parts: ServerSideParts): ServerSide {
  const { source, identity, client, clientRequests, deliver, refuse } = parts;
  const declared: unknown = JSON.parse(client.capabilities);
  const active = new Map<IdKey, Active>();
  const closed = new AbortController();
  let logLevel = source.isOwn && identity.capabilities["logging"] !== undefined ? OWN_LOG_LEVEL : undefined;
  let isOpen = false;

  const release = (request: IncomingRequest) => {
    const entry = active.get(request.id);
    active.delete(request.id);
    entry?.lease?.release();
  };

  /** Gives a child back that may still be at work: what it tells of that must not reach whoever has it alone next. */
  const leave = (entry: Active) => {
    if (entry.isAlone && entry.call !== undefined) entry.lease?.retire();
    entry.lease?.release();
  };

  const fail = (request: IncomingRequest, error: ProxyError) => {
    const entry = active.get(request.id);
    if (entry !== undefined) leave(entry);
    active.delete(request.id);
    refuse(request, error);
  };

  const answer = (request: IncomingRequest, line: Buffer) => {
    release(request);
    return deliver({ line: toLegacyAnswer(line, request.method), message: { kind: "response", id: request.id } });
  };

  const answerError = (request: IncomingRequest, error: object) => {
    const line = `{"jsonrpc":"2.0","id":${request.rawId},"error":${JSON.stringify(error)}}`;
    void answer(request, Buffer.from(line));
  };

  const onNotification = (line: Buffer, method: string) => deliver({ line, message: { kind: "notification", method } });
  const listening = createModernServerListening({ source, identity, client, onNotification });

  /** Asks the client for all that the server wants, and repeats the request with what it said. */
  const playRound = async (request: IncomingRequest, entry: Active, wanted: InputRequired, round: number) => {
    if (round >= MAX_ROUNDS)
      throw new ProxyError("child_refused", { message: `The server wanted more than ${MAX_ROUNDS} rounds of input.` });
    const refusal = inputRefusal(wanted, isRecord(declared) ? declared : {});
    if (refusal !== undefined) {
      answerError(request, refusal);
      return;
    }
    if (wanted.requests.size === 0) await Bun.sleep(Math.min(round * RETRY_STEP_MS, MAX_RETRY_MS));
    // Its child is free for nobody else meanwhile, but others need not wait for this client.
    if (entry.isAlone) entry.lease?.setParked(true);
    const answers = await Promise.all(
      [...wanted.requests].map(async ([key, { method, params }]) => ({
        key,
        method,
        said: await clientRequests.send(method, params, request.id).answer,
      })),
    );
    if (entry.isCancelled) return;
    if (entry.isAlone) entry.lease?.setParked(false);
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
        answerError(request, error);
        return;
      }
    }
    send(request, entry, retryOf(request.line, responses, wanted.requestState), round + 1);
  };

  const send = (request: IncomingRequest, entry: Active, line: Buffer, round: number) => {
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

  const listen = async () => {
    if (!source.isOwn) return;
    const lease = await source.lease("shared", closed.signal);
    lease.listen({
      onNotification: (raw) => deliver(raw),
      onRequest: () => undefined,
    });
  };

  return {
    request: async (request) => {
      // Log messages name no request: they are this one's if it has the child alone.
      const isAlone = logLevel !== undefined && !source.isOwn;
      const entry: Active = { isAlone, isCancelled: false, call: undefined, lease: undefined };
      active.set(request.id, entry);
      try {
        const lease = await source.lease(isAlone ? "alone" : "shared", closed.signal);
        entry.lease = lease;
        if (entry.isCancelled) {
          lease.release();
          return;
        }
        if (isAlone) {
          const onLog = (raw: RawMessage) => deliver({ ...raw, about: request.id });
          lease.listen({ onNotification: onLog, onRequest: () => undefined });
        }
      } catch (error) {
        if (active.get(request.id) === entry) active.delete(request.id);
        if (!(error instanceof ProxyError)) throw error;
        if (!entry.isCancelled) refuse(request, error);
        return;
      }
      send(request, entry, request.line, 0);
      void listening.revive();
    },
    cancel: (id, reason) => {
      const entry = active.get(id);
      if (entry === undefined) return;
      active.delete(id);
      entry.isCancelled = true;
      clientRequests.abandon(id);
      entry.call?.cancel(reason);
      leave(entry);
    },
    setLogLevel: (level) => {
      logLevel = level;
    },
    subscribe: async (uri) =>
      (await listening.subscribe(uri))
        ? undefined
        : '{"code":-32602,"message":"The server takes no subscription to this resource."}',
    unsubscribe: async (uri) => {
      await listening.unsubscribe(uri);
      return undefined;
    },
    open: async () => {
      if (isOpen) return;
      isOpen = true;
      await listen();
      await listening.open();
    },
    close: () => {
      closed.abort();
      listening.close();
      for (const [id, entry] of active) {
        active.delete(id);
        entry.isCancelled = true;
        entry.call?.cancel("the client's session has ended");
        leave(entry);
      }
    },
  };
}
