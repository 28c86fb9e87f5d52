import type { RawMessage } from "../link/link.ts";
import { stringAt } from "../wire/json-value.ts";

/** Resources that are counted; a client with more of them is taken to have some for good. */
const MAX_URIS = 1_024;

/** The resources that the client of a session has subscribed to. */
export interface Subscribed {
  /** Notes a request of the client's. */
  readonly note: (raw: RawMessage, method: string) => void;
  readonly hasAny: () => boolean;
}

export function createSubscribed(): Subscribed {
  const uris = new Set<string>();
  let isOverflown = false;
  return {
    note: ({ line }, method) => {
      if (method !== "resources/subscribe" && method !== "resources/unsubscribe") return;
      const uri = stringAt(line, ["params", "uri"]);
      if (uri === undefined) return;
      if (method === "resources/unsubscribe") uris.delete(uri);
      else if (uris.size < MAX_URIS) uris.add(uri);
      else isOverflown = true;
    },
    hasAny: () => isOverflown || uris.size > 0,
  };
}
