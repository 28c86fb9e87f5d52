import type { OwedRequest } from "../link/link.ts";
import { type IdKey, twinOf } from "../wire/message.ts";

/** A request that the child owes an answer. */
export interface PendingRequest {
  /** What the child knows it by. */
  readonly id: IdKey;
  /** That id's JSON text. */
  readonly rawId: string;
  /** What the client knows it by: the same, unless that clashed with another request. */
  readonly clientId: IdKey;
  /** That id's JSON text, for an answer of our own. */
  readonly clientRawId: string;
  readonly method: string;
  /** The token under which the child may report progress, as a key like an id's. */
  readonly progressToken: IdKey | undefined;
  /** JSON text of the client's own token, where the child was given another. */
  readonly clientToken?: string | undefined;
}

/** Requests that were given up and may be answered all the same; of more than that, the oldest are taken for answered. */
const MAX_GIVEN_UP = 256;

/** The requests in flight of one session, the longest unattended first. */
export interface PendingRequests {
  readonly size: () => number;
  /** Whether an answer under this id, or one that differs in being text or number alone, could be taken for another's. */
  readonly isTaken: (id: IdKey) => boolean;
  /** Whether the child may report to another request under this token. */
  readonly hasToken: (progressToken: IdKey) => boolean;
  /** The request in flight that the client last sent under this id. */
  readonly latest: (clientId: IdKey) => PendingRequest | undefined;
  /** The request in flight that the child knows under this id. */
  readonly of: (id: IdKey) => PendingRequest | undefined;
  readonly add: (request: PendingRequest, now: number) => void;
  /** Takes a request off the list that the child has answered; undefined: it was not on it. */
  readonly settle: (id: IdKey) => PendingRequest | undefined;
  /** Takes a request off the list that nobody waits for any more; the child may answer it yet. */
  readonly giveUp: (id: IdKey) => void;
  /** Progress restarts the time of its request; gives that request. */
  readonly touch: (progressToken: IdKey, now: number) => PendingRequest | undefined;
  /** Since when the longest unattended one waits; undefined: none does. */
  readonly oldestSince: () => number | undefined;
  /** Gives up all that have waited since `since` or longer. */
  readonly expire: (since: number) => readonly PendingRequest[];
  /** All of them, as the child knows them. */
  readonly owed: () => Iterable<OwedRequest>;
  readonly takeAll: () => readonly PendingRequest[];
}

export function createPendingRequests(): PendingRequests {
  // A Map keeps the order of insertion, and an entry that is touched is inserted anew: so the first is the oldest.
  const waiting = new Map<IdKey, { readonly request: PendingRequest; readonly since: number }>();
  const byToken = new Map<IdKey, IdKey>();
  /** Those that the child knows by another id than the client, by the client's, in the order in which they came. */
  const renamed = new Map<IdKey, readonly PendingRequest[]>();
  const givenUp = new Set<IdKey>();

  const remove = (id: IdKey) => {
    const request = waiting.get(id)?.request;
    if (request === undefined) return undefined;
    waiting.delete(id);
    const { progressToken, clientId } = request;
    if (progressToken !== undefined && byToken.get(progressToken) === id) byToken.delete(progressToken);
    if (clientId !== id) {
      const left = (renamed.get(clientId) ?? []).filter((other) => other !== request);
      if (left.length === 0) renamed.delete(clientId);
      else renamed.set(clientId, left);
    }
    return request;
  };

  const giveUp = (id: IdKey) => {
    if (remove(id) === undefined) return;
    givenUp.add(id);
    const [oldest] = givenUp;
    if (givenUp.size > MAX_GIVEN_UP && oldest !== undefined) givenUp.delete(oldest);
  };

  return {
    size: () => waiting.size,
    isTaken: (id) => {
      if (waiting.size === 0 && givenUp.size === 0) return false;
      if (waiting.has(id) || givenUp.has(id)) return true;
      const twin = twinOf(id);
      return twin !== undefined && (waiting.has(twin) || givenUp.has(twin));
    },
    hasToken: (progressToken) => byToken.has(progressToken),
    latest: (clientId) => {
      const last = renamed.get(clientId)?.at(-1);
      if (last !== undefined) return last;
      const request = waiting.get(clientId)?.request;
      return request?.clientId === clientId ? request : undefined;
    },
    of: (id) => waiting.get(id)?.request,
    add: (request, now) => {
      const { id, clientId, progressToken } = request;
      waiting.set(id, { request, since: now });
      if (progressToken !== undefined) byToken.set(progressToken, id);
      if (clientId !== id) renamed.set(clientId, [...(renamed.get(clientId) ?? []), request]);
    },
    settle: (id) => {
      const request = remove(id);
      if (request === undefined) givenUp.delete(id);
      return request;
    },
    giveUp,
    touch: (progressToken, now) => {
      const id = byToken.get(progressToken);
      const request = id === undefined ? undefined : waiting.get(id)?.request;
      if (id === undefined || request === undefined) return undefined;
      waiting.delete(id);
      waiting.set(id, { request, since: now });
      return request;
    },
    oldestSince: () => {
      for (const { since } of waiting.values()) return since;
      return undefined;
    },
    expire: (since) => {
      const overdue: PendingRequest[] = [];
      for (const entry of waiting.values()) {
        if (entry.since > since) break;
        overdue.push(entry.request);
      }
      for (const { id } of overdue) giveUp(id);
      return overdue;
    },
    owed: function* () {
      for (const { request } of waiting.values()) yield { id: request.id, rawId: request.rawId, identity: request };
    },
    takeAll: () => {
      const all = [...waiting.values()].map(({ request }) => request);
      waiting.clear();
      byToken.clear();
      renamed.clear();
      givenUp.clear();
      return all;
    },
  };
}
