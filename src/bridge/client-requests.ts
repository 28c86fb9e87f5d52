import type { RawMessage } from "../link/link.ts";
import { isObjectAt, textAt, valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";
import { toServerRequest } from "./messages/legacy-client-modern-server.ts";

/** Requests to one client that may be unanswered at a time. */
const MAX_OPEN = 256;

/** What a client answered: JSON text. */
export type ClientAnswer =
  | { readonly kind: "result"; readonly result: string }
  | { readonly kind: "error"; readonly error: string };

/** A request to the client. */
export interface SentRequest {
  /** Never rejects. */
  readonly answer: Promise<ClientAnswer>;
  /** Nobody wants to know any more: the client is told. */
  readonly withdraw: () => void;
}

/** Requests to the client of a session, under ids of the proxy's own. */
export interface ClientRequests {
  /** Asks the client, on behalf of one of its requests. */
  readonly send: (method: string, params: string, about: IdKey) => SentRequest;
  /** Takes an answer of the client's. */
  readonly answer: (message: RawMessage) => void;
  /** What was asked on behalf of a request need not be answered any more: the client is told. */
  readonly abandon: (about: IdKey) => void;
  /** Nobody answers any more. */
  readonly close: () => void;
}

/** @param deliver sends a message to the client. */
export function createClientRequests(deliver: (message: RawMessage) => void): ClientRequests {
  const waiting = new Map<IdKey, { readonly about: IdKey; readonly resolve: (answer: ClientAnswer) => void }>();
  let count = 0;
  const gone: ClientAnswer = { kind: "error", error: '{"code":-32603,"message":"The client cannot be asked."}' };

  /** No question of MCP's has another answer, and the server did nothing to deserve one. */
  const odd: ClientAnswer = { kind: "error", error: '{"code":-32603,"message":"The client\'s answer is no object."}' };

  const withdraw = (rawId: IdKey) => {
    const entry = waiting.get(rawId);
    if (entry === undefined) return;
    waiting.delete(rawId);
    entry.resolve(gone);
    const line = Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${rawId}}}`);
    deliver({ line, message: { kind: "notification", method: "notifications/cancelled" }, about: entry.about });
  };

  return {
    send: (method, params, about) => {
      if (waiting.size >= MAX_OPEN) return { answer: Promise.resolve(gone), withdraw: () => undefined };
      const { promise, resolve } = Promise.withResolvers<ClientAnswer>();
      const rawId = `"mcp-sse-proxy-${++count}"`;
      waiting.set(rawId, { about, resolve });
      const line = toServerRequest(rawId, method, params);
      deliver({ line, message: { kind: "request", id: rawId, rawId, method }, about });
      return { answer: promise, withdraw: () => withdraw(rawId) };
    },
    answer: ({ line, message }) => {
      if (message.kind !== "response") return;
      const entry = waiting.get(message.id);
      if (entry === undefined) return;
      waiting.delete(message.id);
      const { resolve } = entry;
      const result = valueAt(line, ["result"]);
      const error = valueAt(line, ["error"]);
      if (result !== undefined)
        resolve(isObjectAt(line, result) ? { kind: "result", result: textAt(line, result) } : odd);
      else resolve(error === undefined ? gone : { kind: "error", error: textAt(line, error) });
    },
    abandon: (about) => {
      for (const [rawId, entry] of waiting) if (entry.about === about) withdraw(rawId);
    },
    close: () => {
      for (const { resolve } of waiting.values()) resolve(gone);
      waiting.clear();
    },
  };
}
