import { ProxyError } from "../base/errors.ts";
import { ASKING_METHODS } from "../bridge/messages/capabilities.ts";
import { inputRequiredAnswer } from "../bridge/messages/modern-client-legacy-server.ts";
import { capabilityMissing, withId } from "../bridge/messages/rounds.ts";
import type { RawMessage } from "../link/link.ts";
import type { Lease } from "../pool/lease.ts";
import { waitUntilUsed } from "./answers-applied.ts";
import { type CallOutcome, outcomeOf } from "./call-outcome.ts";
import { createCallStates } from "./call-state.ts";
import { createChildRequest } from "./child-request.ts";
import { createClientRelay } from "./client-relay.ts";
import { tryToPark } from "./parked-calls.ts";
import type { Round } from "./round.ts";
import { type SentAwayOptions, sendAway } from "./sent-away.ts";
import { createServerQuestions } from "./server-questions.ts";

/** A server that wants several things at once says so within this time, and is asked for one round of them. */
const GATHER_MS = 20;

export interface LegacyServerCallOptions extends Omit<SentAwayOptions, "identity"> {
  readonly lease: Lease;
  /** Whether nobody else uses the child meanwhile: what it asks and tells is about this call. */
  readonly isAlone: boolean;
  readonly round: Round;
  /** The client's roots, as JSON text, if it has been asked for them already. */
  readonly roots: string | undefined;
  /** What the server may say to a client that is away to answer, in bytes; 0: any number. */
  readonly keptBytes: number;
}

/** A modern client's call of a legacy child, over as many HTTP requests as it takes. */
export interface LegacyServerCall {
  readonly start: () => void;
  /** The client has left, and will not be answered. */
  readonly leave: (round: Round) => void;
}

export function createLegacyServerCall(options: LegacyServerCallOptions): LegacyServerCall {
  const { lease, isAlone, roots, parking, binding, parkedMs, check } = options;
  const { link, identity } = lease;
  const { capabilities } = options.round.envelope;
  const isAskable = ASKING_METHODS.has(options.round.method);
  const questions = createServerQuestions({ lease, capabilities, isAskable, roots });
  const relay = createClientRelay(isAlone, options.keptBytes);

  const request = createChildRequest(lease, {
    onNotification: (line, name) => relay.pass({ line, message: { kind: "notification", method: name } }, current()),
    onAnswer: (line) => void conclude(outcomeOf(line, options.round, identity)),
    onFailure: (error) => fail(error),
  });

  const { current, enter } = createCallStates(options.round, {
    run: request.run,
    pause: request.pause,
    setParked: lease.setParked,
    giveBack: () => {
      // A child that still waits or works for one client must not be given to another.
      if (isAlone && (questions.open() > 0 || !request.isAnswered())) lease.retire();
      questions.refuseAll();
      lease.release();
    },
  });

  const fail = (error: ProxyError) => conclude({ kind: "failed", error });

  /** The call has its end: the client that waits is told, or the one that is away when it comes back. */
  const conclude = (outcome: CallOutcome) => {
    const state = current();
    if (state.kind === "parked") state.outcome ??= outcome;
    if (!("round" in state)) return;
    tell(outcome, state.round, options);
    enter({ kind: "over" });
  };

  const onNotification = (raw: RawMessage): Promise<void> | undefined => {
    questions.withdraw(raw);
    return relay.passLog(raw, current());
  };

  const onRequest = (raw: RawMessage) => {
    const state = current();
    if (state.kind === "over") return;
    const taken = questions.take(raw, !request.hasBegun());
    if (taken.kind === "impossible") {
      request.cancel("the client lacks a capability");
      fail(capabilityMissing(taken.missing));
    } else if (taken.kind === "open" && state.kind !== "gathering" && state.kind !== "parked") {
      enter({ kind: "gathering", round: state.round, timer: setTimeout(() => gathered(state.round), GATHER_MS) });
    }
  };

  const gathered = (round: Round) => {
    // The server knows what it asked first, or has taken its question back: it is its turn again.
    if (questions.open() === 0) enter({ kind: "running", round });
    else ask(round);
  };

  /** Asks the client, which ends its request; the call is parked until the next one comes. */
  const ask = ({ sink, rawId }: Round) => {
    const waiting = { check, resume, leave, expire: () => cancel("the client did not come back") };
    const requestState = tryToPark(parking, waiting, binding, parkedMs);
    if (typeof requestState !== "string") {
      request.cancel("too many calls wait for input");
      fail(request.hasBegun() ? withoutInvitation(requestState) : requestState);
      return;
    }
    const requests = questions.inputRequests();
    enter({ kind: "parked", outcome: undefined });
    sink.answer(inputRequiredAnswer(rawId, requests, requestState, identity));
  };

  const resume = (next: Round) => {
    const state = current();
    relay.catchUp(next);
    if (state.kind === "parked" && state.outcome !== undefined) {
      tell(state.outcome, next, options);
      enter({ kind: "over" });
      return;
    }
    questions.answer(next.line, !request.hasBegun());
    // What is said from now on is for this round, also while the client is asked for what it left out.
    enter({ kind: request.hasBegun() ? "running" : "starting", round: next });
    if (questions.open() > 0) ask(next);
    else if (!request.hasBegun()) letUse(next);
  };

  /** The child gets the request when it has had the time to make use of what it asked first. */
  const letUse = (round: Round) => {
    const giveUp = waitUntilUsed(link, () => enter({ kind: "running", round }), fail);
    enter({ kind: "answering", round, giveUp });
  };

  const cancel = (reason: string) => {
    request.cancel(reason);
    enter({ kind: "over" });
  };

  const leave = (left: Round) => {
    const state = current();
    if ("round" in state && state.round === left) cancel("the client closed its stream");
  };

  const start = () => {
    // Where several calls share the child, it was told that none of their clients can be asked for anything.
    const waiting = isAlone || isAskable ? lease.listen({ onNotification, onRequest }) : [];
    for (const raw of waiting) onRequest(raw);
    // What the child wants to know of its client before anything else, the client is asked before anything else.
    const state = current();
    if (state.kind !== "starting") return;
    if (waiting.length === 0) enter({ kind: "running", round: state.round });
    else letUse(state.round);
  };

  return { start, leave };
}

/** Nothing invites a client to try a call again that has begun. */
function withoutInvitation({ code, message }: ProxyError): ProxyError {
  return new ProxyError(code, { message: `${message} This one had begun, and was cancelled.` });
}

function tell(outcome: CallOutcome, round: Round, options: LegacyServerCallOptions): void {
  if (outcome.kind === "failed") round.sink.fail(outcome.error);
  else if (outcome.kind === "answer") round.sink.answer(withId(outcome.line, round.rawId));
  else sendAway({ ...options, identity: options.lease.identity }, round, outcome.requests);
}
