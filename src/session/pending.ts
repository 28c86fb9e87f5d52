import type { IdKey } from "../wire/message.ts";

/** A request that the child owes an answer. */
export interface PendingRequest {
  readonly id: IdKey;
  /** The id's JSON text, for an answer of our own. */
  readonly rawId: string;
  readonly method: string;
  /** JSON text of the token under which the child may report progress. */
  readonly progressToken: string | undefined;
}

/** The requests in flight of one session, the longest unattended first. */
export interface PendingRequests {
  readonly size: () => number;
  readonly has: (id: IdKey) => boolean;
  readonly add: (request: PendingRequest, now: number) => void;
  /** Takes a request off the list; undefined: it was not on it. */
  readonly settle: (id: IdKey) => PendingRequest | undefined;
  /** Progress restarts the time of its request; gives that request's id. */
  readonly touch: (progressToken: string, now: number) => IdKey | undefined;
  /** Since when the longest unattended one waits; undefined: none does. */
  readonly oldestSince: () => number | undefined;
  /** Takes off all that have waited since `since` or longer. */
  readonly expire: (since: number) => readonly PendingRequest[];
  readonly takeAll: () => readonly PendingRequest[];
}

export function createPendingRequests(): PendingRequests {
  // A Map keeps the order of insertion, and an entry that is touched is inserted anew: so the first is the oldest.
  const waiting = new Map<IdKey, { readonly request: PendingRequest; readonly since: number }>();
  const byToken = new Map<string, IdKey>();

  const settle = (id: IdKey) => {
    const entry = waiting.get(id);
    if (entry === undefined) return undefined;
    waiting.delete(id);
    const { progressToken } = entry.request;
    if (progressToken !== undefined && byToken.get(progressToken) === id) byToken.delete(progressToken);
    return entry.request;
  };

  const takeWhile = (isTaken: (since: number) => boolean) => {
    const taken: PendingRequest[] = [];
    for (const { request, since } of waiting.values()) {
      if (!isTaken(since)) break;
      taken.push(request);
    }
    for (const { id } of taken) settle(id);
    return taken;
  };

  return {
    size: () => waiting.size,
    has: (id) => waiting.has(id),
    add: (request, now) => {
      waiting.set(request.id, { request, since: now });
      if (request.progressToken !== undefined) byToken.set(request.progressToken, request.id);
    },
    settle,
    touch: (progressToken, now) => {
      const id = byToken.get(progressToken);
      const entry = id === undefined ? undefined : waiting.get(id);
      if (id === undefined || entry === undefined) return undefined;
      waiting.delete(id);
      waiting.set(id, { request: entry.request, since: now });
      return id;
    },
    oldestSince: () => {
      for (const { since } of waiting.values()) return since;
      return undefined;
    },
    expire: (since) => takeWhile((waitingSince) => waitingSince <= since),
    takeAll: () => takeWhile(() => true),
  };
}
