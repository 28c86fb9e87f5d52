import { createWatch } from "../base/watch.ts";
import type { ServerTimeouts } from "../process/server.ts";
import type { EndReason } from "./endings.ts";
import type { SessionOutput } from "./output.ts";
import type { PendingRequest, PendingRequests } from "./pending.ts";
import type { Question, Questions } from "./questions.ts";
import { createRequestClock } from "./request-clock.ts";

export interface DeadlinesOptions {
  readonly timeouts: ServerTimeouts;
  readonly output: Pick<SessionOutput, "isOpen" | "check" | "nextCheck" | "patienceMs">;
  readonly pending: Pick<PendingRequests, "oldestSince" | "expire">;
  readonly questions: Pick<Questions, "isOpen" | "nextDue" | "expire">;
  /** Given the questions that the client has left unanswered for too long, which are open no more. */
  readonly onUnanswered: (questions: readonly Question[]) => void;
  /** Given the requests whose time is over, which are pending no more. */
  readonly onOverdue: (requests: readonly PendingRequest[]) => void;
  /** Ends the session, which closes the deadlines. */
  readonly onEnd: (reason: EndReason) => void;
}

/**
 * All time limits of one session, on one timer. A message that moves a deadline away only writes down a number; the
 * timer fires at the old time and finds nothing due.
 */
export interface Deadlines {
  /** A message has passed, either way. */
  readonly onTraffic: (now: number) => void;
  /** When the last message passed, or the session began. */
  readonly lastTrafficAt: () => number;
  /** The time that counts against requests: what `pending` is to be told. */
  readonly requestTime: (now: number) => number;
  /** The child waits for the client from now on, at the longest until then. */
  readonly onQuestion: (now: number, dueAt: number) => void;
  /** One of its questions is open no more. */
  readonly onQuestionOver: (now: number) => void;
  /** The client waits for an answer from now on. */
  readonly onRequest: (now: number) => void;
  /** The child has answered something: it has started. */
  readonly onAnswer: () => void;
  /** The client waits for nothing any more, having taken its requests back. */
  readonly onNothingPending: () => void;
  readonly hasAnswered: () => boolean;
  /** The output has something to be checked for that was not foreseen. */
  readonly recheck: () => void;
  readonly close: () => void;
}

export function createDeadlines(options: DeadlinesOptions): Deadlines {
  const { timeouts, output, pending, questions, onUnanswered, onOverdue, onEnd } = options;
  const clock = createRequestClock();
  const createdAt = performance.now();
  let lastTrafficAt = createdAt;
  let waitsForFirstAnswerSince: number | undefined;
  let hasAnswered = false;
  let isClosed = false;

  /** A stream that is open now may be closed without a word to this watch: the shorter limit is looked at, too. */
  const nextQuietCheck = (now: number) => {
    const idleAt = after(lastTrafficAt, timeouts.idleMs);
    if (!output.isOpen()) return idleAt;
    return Math.min(after(lastTrafficAt, timeouts.silentMs), Math.max(idleAt, after(now, timeouts.idleMs)));
  };

  const endDueAt = (now: number): EndReason | undefined => {
    const isOpen = output.isOpen();
    if (after(createdAt, timeouts.lifetimeMs) <= now) return "lifetime";
    if (after(lastTrafficAt, isOpen ? timeouts.silentMs : timeouts.idleMs) <= now) return isOpen ? "silent" : "idle";
    const client = output.check(now);
    return client === "ok" ? undefined : client === "gone" ? "client-closed" : client;
  };

  const requestsDueAt = () => clock.when(after(pending.oldestSince(), timeouts.requestMs));

  const onQuestionOver = (now: number) => {
    if (questions.isOpen()) return;
    clock.goOn(now);
    watch.expect(requestsDueAt());
  };

  const checkQuestions = (now: number) => {
    const unanswered = questions.expire(now);
    if (unanswered.length === 0) return;
    onQuestionOver(now);
    onUnanswered(unanswered);
  };

  const check = (now: number): number => {
    checkQuestions(now);
    // Before the requests' own limit, which may be as long: that nothing was ever answered is the better news.
    if (after(waitsForFirstAnswerSince, timeouts.startMs) <= now) onEnd("start-timeout");
    else if (timeouts.requestMs > 0) onOverdue(pending.expire(clock.read(now) - timeouts.requestMs));
    const reason = isClosed ? undefined : endDueAt(now);
    if (reason !== undefined) onEnd(reason);
    if (isClosed) return Number.POSITIVE_INFINITY;
    return Math.min(
      requestsDueAt(),
      questions.nextDue(),
      after(waitsForFirstAnswerSince, timeouts.startMs),
      after(createdAt, timeouts.lifetimeMs),
      nextQuietCheck(now),
      output.nextCheck(),
    );
  };

  const watch = createWatch((now) => (isClosed ? Number.POSITIVE_INFINITY : check(now)));
  watch.expect(createdAt);

  return {
    onTraffic: (now) => {
      lastTrafficAt = now;
    },
    lastTrafficAt: () => lastTrafficAt,
    requestTime: clock.read,
    onQuestion: (now, dueAt) => {
      if (questions.isOpen()) clock.stop(now);
      watch.expect(dueAt);
    },
    onQuestionOver,
    onRequest: (now) => {
      if (!hasAnswered) waitsForFirstAnswerSince ??= now;
      watch.expect(
        Math.min(
          now + output.patienceMs,
          after(now, timeouts.requestMs),
          hasAnswered ? Number.POSITIVE_INFINITY : after(now, timeouts.startMs),
        ),
      );
    },
    onAnswer: () => {
      waitsForFirstAnswerSince = undefined;
      hasAnswered = true;
    },
    onNothingPending: () => {
      waitsForFirstAnswerSince = undefined;
    },
    hasAnswered: () => hasAnswered,
    recheck: () => watch.expect(output.nextCheck()),
    close: () => {
      isClosed = true;
      watch.close();
    },
  };
}

/** When a limit is over that began at `since`; Infinity: it has not begun, or is switched off. */
function after(since: number | undefined, limitMs: number): number {
  return since === undefined || limitMs === 0 ? Number.POSITIVE_INFINITY : since + limitMs;
}
