import { toServerRequest } from "../bridge/legacy-client.ts";
import type { RawMessage } from "../link/link.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";

/** Requests to one client that may be unanswered at a time. */
const MAX_ASKS = 256;

/** What a client answered: JSON text. */
export type ClientAnswer =
  | { readonly kind: "result"; readonly result: string }
  | { readonly kind: "error"; readonly error: string };

/** Requests to the client of a session, under ids of the proxy's own. */
export interface Asks {
  /** Asks the client, on behalf of one of its requests. It never rejects. */
  readonly ask: (method: string, params: string, about: IdKey | undefined) => Promise<ClientAnswer>;
  /** Takes an answer of the client's. */
  readonly answer: (message: RawMessage) => void;
  /** Nobody answers any more. */
  readonly close: () => void;
}

/** @param deliver sends a message to the client. */
export function createAsks(deliver: (message: RawMessage) => void): Asks {
  const waiting = new Map<IdKey, (answer: ClientAnswer) => void>();
  let count = 0;
  const gone: ClientAnswer = { kind: "error", error: '{"code":-32603,"message":"The client cannot be asked."}' };

  return {
    ask: (method, params, about) => {
      if (waiting.size >= MAX_ASKS) return Promise.resolve(gone);
      const { promise, resolve } = Promise.withResolvers<ClientAnswer>();
      const rawId = `"mcp-sse-proxy-${++count}"`;
      waiting.set(rawId, resolve);
      const line = toServerRequest(rawId, method, params);
      const message = { kind: "request", id: rawId, rawId, method } as const;
      deliver(about === undefined ? { line, message } : { line, message, about });
      return promise;
    },
    answer: ({ line, message }) => {
      if (message.kind !== "response") return;
      const resolve = waiting.get(message.id);
      if (resolve === undefined) return;
      waiting.delete(message.id);
      const result = valueAt(line, ["result"]);
      const error = valueAt(line, ["error"]);
      if (result !== undefined) resolve({ kind: "result", result: textAt(line, result) });
      else resolve(error === undefined ? gone : { kind: "error", error: textAt(line, error) });
    },
    close: () => {
      for (const resolve of waiting.values()) resolve(gone);
      waiting.clear();
    },
  };
}
