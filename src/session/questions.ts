import { type IdKey, twinOf } from "../wire/message.ts";

/** Requests of one child to its client that may be unanswered at a time. */
const MAX_OPEN = 256;

/** What a client's program answers by itself, roots for instance, it answers within this time or not at all. */
const PROGRAM_MS = 30_000;

/** What somebody has to read, and to think about. */
const ASKS_SOMEBODY: ReadonlySet<string> = new Set(["elicitation/create", "sampling/createMessage"]);

/** A request of the child to the client. */
export interface Question {
  readonly id: IdKey;
  /** JSON text of its id. */
  readonly rawId: string;
  readonly method: string;
}

export interface QuestionsOptions {
  /** So long a question that somebody has to think about may stay unanswered, in milliseconds; 0: for ever. */
  readonly userMs: number;
  /** A question that a program answers by itself never stays open for longer than a request may, in milliseconds; 0: no such bound. */
  readonly requestMs: number;
}

/** What the child of one session has asked its client and has had no answer to. */
export interface Questions {
  /** @returns when it is due at the latest; undefined: there are too many, and this one was not taken. */
  readonly add: (question: Question, now: number) => number | undefined;
  /** Takes off one that is answered or withdrawn, also by an id that is text for a number or the other way round. */
  readonly take: (id: IdKey) => Question | undefined;
  /** Whether the child may be waiting for the client. It does not for an answer to `ping`, which may come whenever it likes. */
  readonly isOpen: () => boolean;
  /** When the next one is overdue, or Infinity. */
  readonly nextDue: () => number;
  /** Takes off those that are overdue. */
  readonly expire: (now: number) => readonly Question[];
}

export function createQuestions({ userMs, requestMs }: QuestionsOptions): Questions {
  const open = new Map<IdKey, { readonly question: Question; readonly dueAt: number }>();
  const limits = [PROGRAM_MS, userMs, requestMs].filter((limit) => limit > 0);
  const programMs = Math.min(...limits);

  const takeExactly = (id: IdKey) => {
    const found = open.get(id)?.question;
    open.delete(id);
    return found;
  };

  return {
    add: (question, now) => {
      if (open.size >= MAX_OPEN) return undefined;
      const untilDue = ASKS_SOMEBODY.has(question.method) ? userMs || Number.POSITIVE_INFINITY : programMs;
      const dueAt = now + untilDue;
      open.set(question.id, { question, dueAt });
      return dueAt;
    },
    take: (id) => {
      const found = takeExactly(id);
      const twin = found === undefined ? twinOf(id) : undefined;
      return twin === undefined ? found : takeExactly(twin);
    },
    isOpen: () => {
      for (const { question } of open.values()) if (question.method !== "ping") return true;
      return false;
    },
    nextDue: () => {
      let next = Number.POSITIVE_INFINITY;
      for (const { dueAt } of open.values()) next = Math.min(next, dueAt);
      return next;
    },
    expire: (now) => {
      const overdue = [...open.values()].filter(({ dueAt }) => dueAt <= now).map(({ question }) => question);
      for (const { id } of overdue) open.delete(id);
      return overdue;
    },
  };
}
