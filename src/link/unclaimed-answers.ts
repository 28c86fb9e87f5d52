import { applyEdits, textAt, valueAt } from "../wire/json-edit.ts";
import { type IdKey, idKey, twinOf } from "../wire/message.ts";
import type { OwedRequest, RawMessage } from "./link.ts";

/** An answer that may be for something else is given to its request when nothing better has come for so long. */
export const GRACE_MS = 1_000;

/** As many answers may wait for that; more are not given to anybody. */
const MAX_WAITING = 16;

/** The request itself could not be read (JSON-RPC 2.0, section 5.1): that is said of what was sent, and not to every notification. */
const UNREADABLE: ReadonlySet<number> = new Set([-32700, -32600]);

export interface UnclaimedAnswersOptions {
  /** The requests that the child owes an answer. */
  readonly owed: () => Iterable<OwedRequest>;
  /** Makes the error that a request gets. */
  readonly failureOf: (request: OwedRequest, flaw: string) => RawMessage;
  /** Given messages later on. */
  readonly deliver: (messages: readonly RawMessage[]) => void;
}

/**
 * Finds out which request an answer was for that does not say so, or that cannot be read. Where exactly one request can be meant,
 * it gets the error, after a moment without a better answer: some programs answer notifications, too, and such an answer names
 * nothing either.
 */
export interface UnclaimedAnswers {
  /** An answer with the id null, or without one. @returns what to pass on. */
  readonly claim: (raw: RawMessage) => readonly RawMessage[];
  /** An answer that cannot be read. @returns what to pass on; undefined: nobody knows whose it is. */
  readonly fail: (id: IdKey | undefined, flaw: string, isSure: boolean) => readonly RawMessage[] | undefined;
  readonly close: () => void;
}

interface Waiting {
  readonly request: OwedRequest;
  readonly message: RawMessage;
  readonly dueAt: number;
}

export function createUnclaimedAnswers({ owed, failureOf, deliver }: UnclaimedAnswersOptions): UnclaimedAnswers {
  let waiting: Waiting[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** It has answered when nothing was asked: it answers notifications. */
  let answersNotifications = false;

  const isOwed = (request: OwedRequest) => {
    for (const { identity } of owed()) if (identity === request.identity) return true;
    return false;
  };

  const look = () => {
    const now = performance.now();
    const due = waiting.filter(({ dueAt }) => dueAt <= now);
    waiting = waiting.filter(({ dueAt }) => dueAt > now);
    const [next] = waiting;
    timer = next === undefined ? undefined : setTimeout(look, Math.max(1, next.dueAt - now));
    const messages = due.filter(({ request }) => isOwed(request)).map(({ message }) => message);
    if (messages.length > 0) deliver(messages);
  };

  const wait = (request: OwedRequest, message: RawMessage) => {
    if (waiting.length >= MAX_WAITING) return;
    waiting.push({ request, message, dueAt: performance.now() + GRACE_MS });
    timer ??= setTimeout(look, GRACE_MS);
  };

  const find = (id: IdKey): OwedRequest | undefined => {
    const twin = twinOf(id);
    let found: OwedRequest | undefined;
    for (const request of owed()) {
      if (request.id === id) return request;
      if (request.id === twin) found = request;
    }
    return found;
  };

  return {
    claim: (raw) => {
      const requests = [...owed()];
      const [only] = requests;
      if (requests.length === 0) answersNotifications = true;
      // Whoever has several in flight may know more than we do: it goes on as it came.
      if (only === undefined || requests.length > 1) return [raw];
      const code = codeOf(raw.line);
      const isError = raw.message.kind === "response" && raw.message.isError === true;
      const message = isError ? addressed(raw, only) : failureOf(only, "it has a result, and no id");
      if (!answersNotifications || (code !== undefined && UNREADABLE.has(code))) wait(only, message);
      return [];
    },
    fail: (id, flaw, isSure) => {
      if (id !== undefined) {
        const request = find(id);
        if (request === undefined) return undefined;
        const message = failureOf(request, flaw);
        if (isSure) return [message];
        wait(request, message);
        return [];
      }
      const [only, second] = owed();
      if (only === undefined || second !== undefined || !isSure || answersNotifications) return undefined;
      wait(only, failureOf(only, flaw));
      return [];
    },
    close: () => {
      clearTimeout(timer);
      waiting = [];
    },
  };
}

function codeOf(line: Buffer): number | undefined {
  const span = valueAt(line, ["error", "code"]);
  return span === undefined ? undefined : Number(textAt(line, span));
}

/** The answer under the id of the request that it is for. */
function addressed({ line }: RawMessage, { id, rawId }: OwedRequest): RawMessage {
  const span = valueAt(line, ["id"]);
  const start = line.indexOf("{") + 1;
  const edit = span === undefined ? { start, end: start, text: `"id":${rawId},` } : { ...span, text: rawId };
  return { line: applyEdits(line, [edit]), message: { kind: "response", id: idKey(rawId) ?? id, isError: true } };
}
