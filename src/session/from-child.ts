import type { RawMessage } from "../link/link.ts";
import { errorAnswer, type IdKey, twinOf } from "../wire/message.ts";
import { cancelledRequestOf, reportedProgressOf } from "../wire/params.ts";
import type { Deadlines } from "./deadlines.ts";
import type { OutgoingMessage, SessionOutput } from "./output.ts";
import type { PendingRequest, PendingRequests } from "./pending.ts";
import type { Questions } from "./questions.ts";
import { answerForClient, cancellationOf, progressForClient } from "./request-names.ts";

export interface FromChildOptions {
  readonly pending: PendingRequests;
  readonly questions: Questions;
  readonly deadlines: Deadlines;
  readonly output: Pick<SessionOutput, "isListening">;
  /** Answers the child in the client's place. */
  readonly answerChild: (line: string, id: string) => void;
}

/** What the child says, one message after the other; undefined: it does not go on to the client. */
export interface FromChild {
  readonly take: (message: RawMessage, now: number) => OutgoingMessage | undefined;
  /** Answers to requests that nobody waits for, so far. */
  readonly lateAnswers: () => number;
}

export function createFromChild({ pending, questions, deadlines, output, answerChild }: FromChildOptions): FromChild {
  let lateAnswers = 0;

  const takeProgress = (raw: RawMessage, now: number): OutgoingMessage => {
    const token = reportedProgressOf(raw.line);
    if (token === undefined) return { ...raw, about: raw.about };
    const since = deadlines.requestTime(now);
    const request = pending.touch(token, since);
    if (request !== undefined) return { ...raw, line: progressForClient(raw.line, request), about: request.id };
    const twin = twinOf(token);
    const meant = twin === undefined ? undefined : pending.touch(twin, since);
    if (meant === undefined) return { ...raw, about: undefined };
    const clientToken = meant.clientToken ?? twin;
    return { ...raw, line: progressForClient(raw.line, { ...meant, clientToken }), about: meant.id };
  };

  /** A child that keeps ids as text, or makes numbers of them, means the same request: no two such are in flight at a time. */
  const settleTwin = (id: IdKey): PendingRequest | undefined => {
    const twin = twinOf(id);
    return twin === undefined ? undefined : pending.settle(twin);
  };

  /** The child takes a question back, or, as some do, says that it has stopped to work on a request. */
  const takeCancellation = (raw: RawMessage, now: number): OutgoingMessage => {
    const id = cancelledRequestOf(raw.line);
    if (id === undefined) return { ...raw, about: raw.about };
    if (questions.take(id) !== undefined) {
      deadlines.onQuestionOver(now);
      return { ...raw, about: raw.about };
    }
    const request = pending.of(id);
    if (request === undefined || request.id === request.clientId) return { ...raw, about: raw.about };
    return { ...raw, line: cancellationOf(raw.line, request.clientRawId), about: raw.about };
  };

  const takeQuestion = (raw: RawMessage, now: number): OutgoingMessage | undefined => {
    const { message, about } = raw;
    if (message.kind !== "request") return undefined;
    const { id, rawId, method } = message;
    // It may wait for this before it answers `initialize`, and the client can hear of nothing before that.
    if (method === "ping" && !output.isListening()) {
      answerChild(`{"jsonrpc":"2.0","id":${rawId},"result":{}}`, id);
      return undefined;
    }
    const dueAt = questions.add({ id, rawId, method }, now);
    if (dueAt === undefined) {
      answerChild(errorAnswer(rawId, -32603, "The client has too many unanswered requests already.", {}), id);
      return undefined;
    }
    deadlines.onQuestion(now, dueAt);
    return { ...raw, about };
  };

  return {
    take: (raw, now) => {
      const { line, message, about } = raw;
      if (message.kind === "request") return takeQuestion(raw, now);
      if (message.kind === "notification") {
        if (message.method === "notifications/progress") return takeProgress(raw, now);
        if (message.method === "notifications/cancelled") return takeCancellation(raw, now);
        return { line, message, about };
      }
      if (message.id === "null") return { line, message, about };
      deadlines.onAnswer();
      const request = pending.settle(message.id) ?? settleTwin(message.id);
      if (request !== undefined) return { line: answerForClient(line, message, request), message, about: request.id };
      lateAnswers++;
      return undefined;
    },
    lateAnswers: () => lateAnswers,
  };
}
