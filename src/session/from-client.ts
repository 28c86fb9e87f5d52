import { ProxyError } from "../base/errors.ts";
import type { Link, RawMessage } from "../link/link.ts";
import { applyEdits, valueAt } from "../wire/json-edit.ts";
import type { IdKey, Message } from "../wire/message.ts";
import { cancelledRequestOf } from "../wire/params.ts";
import type { Deadlines } from "./deadlines.ts";
import type { SessionOutput } from "./output.ts";
import type { PendingRequests } from "./pending.ts";
import type { Questions } from "./questions.ts";
import { cancellationOf, createRequestNames } from "./request-names.ts";

/** Requests of one session that may be unanswered at a time. */
export const MAX_IN_FLIGHT = 256;

export interface FromClientOptions {
  readonly pending: PendingRequests;
  readonly questions: Questions;
  readonly deadlines: Deadlines;
  readonly output: Pick<SessionOutput, "abandon" | "separatesAnswers">;
  readonly send: Link["send"];
  /** During a shutdown no new requests are taken; answers and notifications are. */
  readonly isDraining: () => boolean;
}

/** Passes the client's messages on to the child. */
export interface FromClient {
  /** @returns the key under which the output hears of a request's answer. @throws ProxyError when it cannot be passed on. */
  readonly take: (message: RawMessage, now: number) => IdKey | undefined;
  /** @throws ProxyError too_many_in_flight when so many requests more would be too many. */
  readonly requireRoom: (requests: number) => void;
}

export function createFromClient(options: FromClientOptions): FromClient {
  const { pending, questions, deadlines, output, send, isDraining } = options;
  const nameRequest = createRequestNames(pending);

  const requireRoom = (requests: number) => {
    if (pending.size() + requests <= MAX_IN_FLIGHT) return;
    throw new ProxyError("too_many_in_flight", {
      message: `A session may have ${MAX_IN_FLIGHT} unanswered requests; ${pending.size()} of this one are.`,
      retryAfterSeconds: 1,
    });
  };

  const pass = (raw: RawMessage) => {
    const written = send(raw);
    if (written === "full") throw new ProxyError("child_busy", { retryAfterSeconds: 5 });
    if (written === "closed")
      throw new ProxyError("child_exited", { message: "The server's process has closed its input." });
  };

  const takeRequest = (raw: RawMessage, message: Message & { readonly kind: "request" }, now: number): IdKey => {
    if (isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
    // Where all answers share a stream, the client could not tell the two apart.
    if (!output.separatesAnswers && pending.latest(message.id) !== undefined)
      throw new ProxyError("invalid_request", { message: "A request with this id is in flight already." });
    requireRoom(1);
    const named = nameRequest(raw, message);
    pass(named.raw);
    pending.add(named.pending, deadlines.requestTime(now));
    deadlines.onRequest(now);
    return named.pending.id;
  };

  const takeCancellation = (raw: RawMessage) => {
    const cancelled = cancelledRequestOf(raw.line);
    const request = cancelled === undefined ? undefined : pending.latest(cancelled);
    if (request === undefined) {
      pass(raw);
      return;
    }
    const isRenamed = request.id !== request.clientId;
    pass(isRenamed ? { ...raw, line: cancellationOf(raw.line, request.rawId) } : raw);
    pending.giveUp(request.id);
    output.abandon(request.id);
    if (pending.size() === 0) deadlines.onNothingPending();
  };

  /** An answer to a question goes under the id that the child has for it, be it text for a number or the other way round. */
  const takeAnswer = (raw: RawMessage, id: IdKey, now: number) => {
    const question = questions.take(id);
    const span = question === undefined || question.id === id ? undefined : valueAt(raw.line, ["id"]);
    const line =
      span === undefined || question === undefined
        ? raw.line
        : applyEdits(raw.line, [{ ...span, text: question.rawId }]);
    if (question !== undefined) deadlines.onQuestionOver(now);
    pass(question === undefined ? raw : { line, message: { kind: "response", id: question.id } });
  };

  return {
    take: (raw, now) => {
      const { message } = raw;
      if (message.kind === "request") return takeRequest(raw, message, now);
      if (message.kind === "response") takeAnswer(raw, message.id, now);
      else if (message.method === "notifications/cancelled") takeCancellation(raw);
      else pass(raw);
      return undefined;
    },
    requireRoom,
  };
}
