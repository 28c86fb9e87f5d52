import { ProxyError } from "../base/errors.ts";
import { setLogLevel } from "../bridge/log-level.ts";
import { ASKING_METHODS, missingCapability } from "../bridge/messages/capabilities.ts";
import {
  inputRequiredAnswer,
  inputResponsesOf,
  toInputRequest,
  toLegacyRequest,
  toModernAnswer,
  urlElicitationsOf,
  withMissingUri,
} from "../bridge/messages/modern-client-legacy-server.ts";
import {
  capabilityMissing,
  declinedAnswer,
  forNextRound,
  isAccepted,
  isWanted,
  withId,
} from "../bridge/messages/rounds.ts";
import type { RawMessage } from "../link/link.ts";
import type { Call, CallEvents } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { waitUntilUsed } from "./answers-applied.ts";
import { createKeptMessages } from "./kept-messages.ts";
import type { Binding, ParkedCall, Parking } from "./parked-calls.ts";
import type { Round } from "./round.ts";
import type { StatelessSink } from "./sink.ts";

/** A server that wants several things at once says so within this time, and is asked for one round of them. */
const GATHER_MS = 20;

export interface LegacyServerCallOptions {
  readonly lease: Lease;
  /** Whether nobody else uses the child meanwhile: what it asks and tells is about this call. */
  readonly isAlone: boolean;
  readonly round: Round;
  /** The client's roots, as JSON text, if it has been asked for them already. */
  readonly roots: string | undefined;
  readonly binding: Binding;
  readonly parking: Parking<Round>;
  readonly parkedMs: number;
  /** What the server may say to a client that is away to answer, in bytes; 0: any number. */
  readonly keptBytes: number;
  /** Compares the headers of a request with its body. @throws ProxyError header_mismatch. */
  readonly check: (round: Round) => Promise<void>;
  /** Calls again, from the beginning, when the client has done what the server sent it away for. */
  readonly again: (round: Round, left: AbortSignal) => void;
}

/** A modern client's call of a legacy child, over as many HTTP requests as it takes. */
export interface LegacyServerCall {
  readonly start: () => void;
  /** The client has left, and will not be answered. */
  readonly leave: (round: Round) => void;
}

export function createLegacyServerCall(options: LegacyServerCallOptions): LegacyServerCall {
  const { lease, isAlone, binding, parking, parkedMs } = options;
  const { link, identity } = lease;
  const isAsking = ASKING_METHODS.has(options.round.method);
  const { method, envelope } = options.round;
  /** The request that waits; undefined: the client is away to answer. */
  let round: Round | undefined = options.round;
  /** What the child waits for, by the key under which the client was or will be asked. */
  const asked = new Map<string, RawMessage>();
  let askCount = 0;
  let gathering: ReturnType<typeof setTimeout> | undefined;
  /** While the child makes use of what it was told. */
  let giveUp: (() => void) | undefined;
  let call: Call | undefined;
  /** What the client gets when it comes back. */
  let outcome: ((sink: StatelessSink, rawId: string) => void) | undefined;
  const kept = createKeptMessages(options.keptBytes);
  /** Whether the child asks before it has the request: it would do so of anybody. */
  let isEarly = true;
  let isAnswered = false;
  let isOver = false;

  const finish = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(gathering);
    giveUp?.();
    for (const { message } of asked.values()) refuse(message, -32603, "The client gave no answer.");
    // A child that still waits or works for one client must not be given to another.
    if (isAlone && (asked.size > 0 || !isAnswered)) lease.retire();
    asked.clear();
    lease.release();
  };

  const refuse = (message: RawMessage["message"], code: number, text: string) => {
    if (message.kind === "request")
      link.write(
        Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"error":${JSON.stringify({ code, message: text })}}`),
      );
  };

  /** The end of the call: told to the client that waits, or when it comes back. */
  const settle = (tell: (sink: StatelessSink, rawId: string) => void) => {
    if (isOver || outcome !== undefined) return;
    outcome = tell;
    if (round === undefined) return;
    tell(round.sink, round.rawId);
    finish();
  };

  const fail = (error: ProxyError) => settle((sink) => sink.fail(error));

  const onAnswer = (line: Buffer) => {
    const urls = isAsking ? urlElicitationsOf(line) : undefined;
    if (urls !== undefined) {
      const missing = missingCapability({ method: "elicitation/create", mode: "url" }, envelope.capabilities);
      if (typeof missing === "object") return fail(capabilityMissing(missing));
      const requests = new Map(urls.map((request, index) => [`elicitation-${index + 1}`, request]));
      return settle((sink, rawId) => sendAway(sink, rawId, requests));
    }
    const answer = toModernAnswer(line, method, identity);
    const uri = method === "resources/read" ? valueAt(options.round.line, ["params", "uri"]) : undefined;
    const told =
      uri === undefined ? answer : withMissingUri(answer, String(JSON.parse(textAt(options.round.line, uri))));
    settle((sink, rawId) => sink.answer(withId(told, rawId)));
  };

  /** The server did nothing yet: when the client has been where it should go, it is asked anew. */
  const sendAway = (sink: StatelessSink, rawId: string, requests: ReadonlyMap<string, string>) => {
    const left = new AbortController();
    const waiting: ParkedCall<Round> = {
      check: options.check,
      resume: (next) => {
        const refused = [...inputResponsesOf(next.line).values()].find((response) => !isAccepted(response));
        if (refused === undefined) options.again(next, left.signal);
        else next.sink.answer(declinedAnswer(next.rawId));
      },
      leave: () => left.abort(),
      expire: () => left.abort(),
    };
    try {
      sink.answer(inputRequiredAnswer(rawId, requests, parking.park(waiting, binding, parkedMs), identity));
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      sink.fail(error);
    }
  };

  const events: CallEvents = {
    onNotification: (line, notification) => tell({ line, message: { kind: "notification", method: notification } }),
    onAnswer: (line) => {
      isAnswered = true;
      onAnswer(line);
      return undefined;
    },
    onFailure: fail,
  };

  const tell = (raw: RawMessage): Promise<void> | undefined => {
    if (round === undefined) {
      kept.add(raw);
      return undefined;
    }
    // Others must not wait for a client that is slow; the child of one alone may.
    if (!isAlone && round.sink.isSlow()) return undefined;
    const sent = round.sink.notify(raw.line);
    return isAlone ? sent : undefined;
  };

  const send = () => {
    if (round === undefined) return;
    isEarly = false;
    const request = { line: toLegacyRequest(round.line), method };
    try {
      if (envelope.logLevel !== undefined) setLogLevel(lease, envelope.logLevel);
      call = link.call(request, events);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      fail(error);
    }
  };

  /** Sends the request when the child has had time to make use of what it asked first. */
  const sendLater = () => {
    const proceed = () => {
      giveUp = undefined;
      gathering ??= setTimeout(ask, 0);
    };
    giveUp?.();
    giveUp = waitUntilUsed(link, proceed, fail);
  };

  /** The child makes a request of its client. */
  const onRequest = (raw: RawMessage) => {
    if (isOver || raw.message.kind !== "request") return;
    const { method: wanted } = raw.message;
    if (!isAsking)
      return refuse(raw.message, -32603, "The client cannot be asked for anything in answer to this request.");
    const mode = valueAt(raw.line, ["params", "mode"]);
    const missing = missingCapability(
      { method: wanted, mode: mode === undefined ? undefined : JSON.parse(textAt(raw.line, mode)) },
      envelope.capabilities,
    );
    if (missing === "unknown") return refuse(raw.message, -32601, "Method not found");
    if (missing !== undefined) {
      refuse(raw.message, -32601, "The client does not support this");
      call?.cancel("the client lacks a capability");
      return fail(capabilityMissing(missing));
    }
    if (wanted === "roots/list" && options.roots !== undefined) {
      tellRoots(raw.message, options.roots);
      return;
    }
    if (wanted === "roots/list" && !isEarly) lease.retire();
    const key = `${wanted.replace(/\/.*/, "")}-${++askCount}`;
    asked.set(key, { ...raw, line: Buffer.from(raw.line) });
    call?.pause();
    gathering ??= setTimeout(ask, GATHER_MS);
  };

  const tellRoots = (message: RawMessage["message"], roots: string) => {
    if (message.kind !== "request") return;
    lease.tellRoots(roots);
    link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":${roots}}`));
  };

  /** Asks the client, which ends its request; the call is parked until the next one comes. */
  const ask = () => {
    gathering = undefined;
    if (isOver || round === undefined || outcome !== undefined) return;
    if (asked.size === 0) {
      // The server knows what it asked first, or has taken its question back: it is its turn again, and its time runs.
      if (call === undefined) send();
      else call.resume({ line: round.line, method }, events);
      return;
    }
    const requests = new Map<string, string>();
    for (const [key, { line, message }] of asked) {
      if (message.kind === "request") requests.set(key, toInputRequest(line, message.method));
    }
    const { sink, rawId } = round;
    let state: string;
    try {
      state = parking.park({ check: options.check, resume, leave, expire }, binding, parkedMs);
    } catch (error) {
      call?.cancel("too many calls wait for input");
      if (!(error instanceof ProxyError)) throw error;
      // Nothing invites the client to try a call again that has begun.
      const { code, message } = error;
      fail(
        call === undefined
          ? error
          : new ProxyError(code, { message: `${message} This one had begun, and was cancelled.` }),
      );
      return;
    }
    round = undefined;
    lease.setParked(true);
    sink.answer(inputRequiredAnswer(rawId, requests, state, identity));
  };

  const resume = (next: Round) => {
    round = next;
    lease.setParked(false);
    for (const raw of kept.take()) {
      const line = forNextRound(raw, next.line, next.envelope);
      if (line !== undefined) void next.sink.notify(line);
    }
    if (outcome !== undefined) {
      outcome(next.sink, next.rawId);
      finish();
      return;
    }
    const responses = inputResponsesOf(next.line);
    for (const [key, { message }] of asked) {
      const response = responses.get(key);
      if (response === undefined || message.kind !== "request") continue;
      asked.delete(key);
      // Roots that a call asks for are that call's affair: the next client is not asked for its own first.
      if (message.method === "roots/list" && isEarly) tellRoots(message, response);
      else link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":${response}}`));
    }
    call?.resume({ line: next.line, method }, events);
    if (asked.size > 0) ask();
    else if (call === undefined) sendLater();
  };

  const expire = () => {
    call?.cancel("the client did not come back");
    finish();
  };

  return {
    start: () => {
      // Where several calls share the child, it was told that none of their clients can be asked for anything.
      const waiting = isAlone || isAsking ? lease.listen({ onNotification, onRequest }) : [];
      for (const raw of waiting) onRequest(raw);
      // What the child wants to know of its client before anything else, the client is asked before anything else.
      if (asked.size > 0) return;
      if (waiting.length === 0) send();
      else sendLater();
    },
    leave,
  };

  function leave(left: Round): void {
    if (round !== left || isOver) return;
    call?.cancel("the client closed its stream");
    finish();
  }

  function onNotification(raw: RawMessage): Promise<void> | undefined {
    if (raw.message.kind !== "notification") return undefined;
    if (raw.message.method === "notifications/cancelled") {
      withdraw(raw.line);
      return undefined;
    }
    if (raw.message.method !== "notifications/message") return undefined;
    return round === undefined || isWanted(raw, round.envelope) ? tell(raw) : undefined;
  }

  /** The child does not wait for an answer any more. */
  function withdraw(line: Buffer): void {
    const id = valueAt(line, ["params", "requestId"]);
    if (id === undefined) return;
    const rawId = textAt(line, id);
    for (const [key, { message }] of asked)
      if (message.kind === "request" && message.rawId === rawId) asked.delete(key);
  }
}
