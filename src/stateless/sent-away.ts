import { inputRequiredAnswer, inputResponsesOf } from "../bridge/messages/modern-client-legacy-server.ts";
import { declinedAnswer, isAccepted } from "../bridge/messages/rounds.ts";
import type { Identity } from "../link/identity.ts";
import { type Binding, type ParkedCall, type Parking, tryToPark } from "./parked-calls.ts";
import type { Round } from "./round.ts";

export interface SentAwayOptions {
  readonly identity: Identity;
  readonly binding: Binding;
  readonly parking: Parking<Round>;
  readonly parkedMs: number;
  /** Compares the headers of a request with its body. @throws ProxyError header_mismatch. */
  readonly check: (round: Round) => Promise<void>;
  /** Calls again, from the beginning, when the client has done what the server sent it away for. */
  readonly again: (round: Round, left: AbortSignal) => void;
}

/** Sends a client to URLs before its call. The server did nothing yet: when the client has been there, it is asked anew. */
export function sendAway(options: SentAwayOptions, round: Round, requests: ReadonlyMap<string, string>): void {
  const { identity, binding, parking, parkedMs, check, again } = options;
  const left = new AbortController();
  const waiting: ParkedCall<Round> = {
    check,
    resume: (next) => {
      const refused = [...inputResponsesOf(next.line).values()].find((response) => !isAccepted(response));
      if (refused === undefined) again(next, left.signal);
      else next.sink.answer(declinedAnswer(next.rawId));
    },
    leave: () => left.abort(),
    expire: () => left.abort(),
  };
  const requestState = tryToPark(parking, waiting, binding, parkedMs);
  if (typeof requestState !== "string") {
    round.sink.fail(requestState);
    return;
  }
  round.sink.answer(inputRequiredAnswer(round.rawId, requests, requestState, identity));
}
