import { randomBytes } from "node:crypto";
import { ProxyError } from "../base/errors.ts";
import { createWatch } from "../base/watch.ts";
import { createRequestStateSeal } from "../bridge/messages/request-state.ts";

/** A call that waits until its client comes back with what it was asked for. */
export interface ParkedCall<Round> {
  /** Whether the client may go on with this request. @throws ProxyError for one that is not as it must be. */
  readonly check: (round: Round) => Promise<void>;
  /** Goes on with what the client brings. */
  readonly resume: (round: Round) => void;
  /** The client that came back has left. */
  readonly leave: (round: Round) => void;
  /** The client did not come in time, or never will. */
  readonly expire: () => void;
}

/** What a requestState is bound to. */
export interface Binding {
  readonly caller: string;
  /** Digest of the request; costly for a large one, and so made only when it counts. */
  readonly request: () => string;
}

/** The calls of the instance that wait for input of stateless clients. */
export interface Parking<Round> {
  /** @returns the requestState with which it is taken up again. @throws ProxyError parked_limit. */
  readonly park: (call: ParkedCall<Round>, binding: Binding, waitMs: number) => string;
  /** Whether a requestState says that it is the proxy's own. */
  readonly isOwn: (requestState: string) => boolean;
  /** The call that waits. @throws ProxyError request_state_refused: not ours, changed, of another request or caller, used already or expired. */
  readonly find: (requestState: string, binding: Binding) => ParkedCall<Round>;
  /** The same, which nobody else finds from then on. */
  readonly take: (requestState: string, binding: Binding) => ParkedCall<Round>;
  readonly size: () => number;
  /** Expires all of them. */
  readonly clear: () => void;
}

interface Place<Round> {
  readonly call: ParkedCall<Round>;
  readonly caller: string;
  readonly round: number;
  readonly dueAt: number;
}

/** Of one caller, so that others have room. */
const SHARE = 0.5;

/** @param maxCalls calls in all; 0: any number. One caller may have half of them. */
export function createParking<Round>(maxCalls: number): Parking<Round> {
  const { seal, open, isOwn } = createRequestStateSeal();
  const counts = new Map<string, number>();
  const places = new Map<string, Place<Round>>();
  let rounds = 0;

  const remove = (id: string) => {
    const place = places.get(id);
    if (!places.delete(id) || place === undefined) return;
    const left = (counts.get(place.caller) ?? 1) - 1;
    if (left === 0) counts.delete(place.caller);
    else counts.set(place.caller, left);
  };

  const isFull = (caller: string) =>
    maxCalls > 0 && (places.size >= maxCalls || (counts.get(caller) ?? 0) >= Math.ceil(maxCalls * SHARE));

  const watch = createWatch((now) => {
    let next = Number.POSITIVE_INFINITY;
    for (const [id, { call, dueAt }] of places) {
      if (dueAt > now) {
        next = Math.min(next, dueAt);
        continue;
      }
      remove(id);
      call.expire();
    }
    return next;
  });

  const refused = (message: string) => new ProxyError("request_state_refused", { message });

  const search = (requestState: string, { caller, request }: Binding): { id: string; place: Place<Round> } => {
    const state = open(requestState);
    // The same answer for a foreign state as for one that never was.
    if (state === undefined || state.caller !== caller)
      throw refused("The requestState is not one that this proxy gave, or it was changed.");
    const place = places.get(state.call);
    // Before the request is looked at, which costs more than this.
    if (place === undefined || place.round !== state.round)
      throw refused("The requestState was used already, or has expired: send the request anew, without it.");
    if (state.request !== request())
      throw refused("The requestState belongs to another request: retry with the same method and parameters.");
    return { id: state.call, place };
  };

  return {
    park: (call, { caller, request }, waitMs) => {
      if (isFull(caller)) throw new ProxyError("parked_limit", { retryAfterSeconds: 30 });
      const id = randomBytes(16).toString("base64url");
      const round = ++rounds;
      const dueAt = waitMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + waitMs;
      places.set(id, { call, caller, round, dueAt });
      counts.set(caller, (counts.get(caller) ?? 0) + 1);
      watch.expect(dueAt);
      return seal({ call: id, round, caller, request: request(), expiresAt: waitMs === 0 ? 0 : Date.now() + waitMs });
    },
    isOwn,
    find: (requestState, binding) => search(requestState, binding).place.call,
    take: (requestState, binding) => {
      const { id, place } = search(requestState, binding);
      remove(id);
      return place.call;
    },
    size: () => places.size,
    clear: () => {
      watch.close();
      const left = [...places.values()];
      places.clear();
      counts.clear();
      for (const { call } of left) call.expire();
    },
  };
}

/** Parks a call, or says why it cannot be. */
export function tryToPark<Round>(
  parking: Parking<Round>,
  call: ParkedCall<Round>,
  binding: Binding,
  waitMs: number,
): string | ProxyError {
  try {
    return parking.park(call, binding, waitMs);
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
}
