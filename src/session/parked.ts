import { randomBytes } from "node:crypto";
import { ProxyError } from "../base/errors.ts";
import { createWatch } from "../base/watch.ts";
import { createRequestStateSeal } from "../bridge/request-state.ts";

/** A call that waits until its client comes back with what it was asked for. */
export interface ParkedCall<Round> {
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
  readonly request: string;
}

/** The calls of the instance that wait for input of stateless clients. */
export interface Parking<Round> {
  /** @returns the requestState with which it is taken up again. @throws ProxyError parked_limit. */
  readonly park: (call: ParkedCall<Round>, binding: Binding, waitMs: number) => string;
  /** @throws ProxyError request_state_refused: not ours, changed, of another request or caller, used already or expired. */
  readonly take: (requestState: string, binding: Binding) => ParkedCall<Round>;
  readonly size: () => number;
  /** Expires all of them. */
  readonly clear: () => void;
}

interface Place<Round> {
  readonly call: ParkedCall<Round>;
  readonly round: number;
  readonly dueAt: number;
}

/** @param maxCalls calls in all; 0: any number. */
export function createParking<Round>(maxCalls: number): Parking<Round> {
  const { seal, open } = createRequestStateSeal();
  const places = new Map<string, Place<Round>>();
  let rounds = 0;

  const watch = createWatch((now) => {
    let next = Number.POSITIVE_INFINITY;
    for (const [id, { call, dueAt }] of places) {
      if (dueAt > now) {
        next = Math.min(next, dueAt);
        continue;
      }
      places.delete(id);
      call.expire();
    }
    return next;
  });

  const refused = (message: string) => new ProxyError("request_state_refused", { message });

  return {
    park: (call, { caller, request }, waitMs) => {
      if (maxCalls > 0 && places.size >= maxCalls) throw new ProxyError("parked_limit", { retryAfterSeconds: 30 });
      const id = randomBytes(16).toString("base64url");
      const round = ++rounds;
      const dueAt = waitMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + waitMs;
      places.set(id, { call, round, dueAt });
      watch.expect(dueAt);
      return seal({ call: id, round, caller, request, expiresAt: waitMs === 0 ? 0 : Date.now() + waitMs });
    },
    take: (requestState, { caller, request }) => {
      const state = open(requestState);
      if (state === undefined) throw refused("The requestState is not one that this proxy gave, or it was changed.");
      // The same answer for a foreign state as for one that never was.
      if (state.caller !== caller)
        throw refused("The requestState is not one that this proxy gave, or it was changed.");
      if (state.request !== request)
        throw refused("The requestState belongs to another request: retry with the same method and parameters.");
      const place = places.get(state.call);
      if (place === undefined || place.round !== state.round)
        throw refused("The requestState was used already, or has expired: send the request anew, without it.");
      places.delete(state.call);
      return place.call;
    },
    size: () => places.size,
    clear: () => {
      watch.close();
      const left = [...places.values()];
      places.clear();
      for (const { call } of left) call.expire();
    },
  };
}
