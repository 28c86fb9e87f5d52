import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Child } from "../process/child.ts";
import type { StartWords } from "../process/child-stderr.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import type { Bystander, CallEvents } from "./call-events.ts";
import { namesIn, withCallId } from "./call-lines.ts";
import { createCallTable } from "./call-table.ts";
import { type ChildReaderOptions, readChild } from "./child-reader.ts";
import { createDelivery, type SharedCall } from "./delivery.ts";
import type { LinkEnd } from "./link.ts";
import { describeEnd } from "./link-end.ts";

/** Requests of all callers together that one child may owe an answer. */
const MAX_IN_FLIGHT = 4_096;

export interface SharedLinkOptions {
  readonly child: Child;
  readonly scan: JsonScanner;
  /** Longest message from the child, in bytes; 0: no bound. */
  readonly maxLineBytes: number;
  /** From a request to its answer, in milliseconds; progress starts it anew. 0: off. */
  readonly requestMs: number;
  readonly log: Logger;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Given what is to hear the child, where somebody else reads it who has had its first answer. By default the link reads it. */
  readonly read?: (events: ReadEvents) => void;
}

/** Hears a child that is being read. */
export type ReadEvents = Pick<ChildReaderOptions, "onMessages" | "owed" | "onEnd" | "onFirstByte">;

/** A caller's request, on one line. Its id and its progress token are the caller's own. */
export interface CallRequest {
  readonly line: Buffer;
  readonly method: string;
  /** Has no time limit: a subscription. */
  readonly isEndless?: boolean;
}

/** A request on its way through the child. */
export interface Call {
  /** Nobody waits for it any more: the child is told, and what it still says about it is dropped. */
  readonly cancel: (reason: string) => void;
  /** The child waits for its caller: its time stands still. */
  readonly pause: () => void;
  /** The child waits no more: its time begins anew. */
  readonly goOn: () => void;
  /** Goes on for another request of the same caller: what comes is for that one. */
  readonly resume: (request: CallRequest, events: CallEvents) => void;
}

/** Many callers' requests on one child: ids and progress tokens are rewritten, and each answer finds its caller. */
export interface SharedLink {
  readonly pid: number;
  /** @throws ProxyError child_busy, child_exited, too_many_in_flight. */
  readonly call: (request: CallRequest, events: CallEvents) => Call;
  /** Writes a notification or an answer. What the child cannot take is dropped. */
  readonly write: (line: Buffer) => void;
  /** Requests that the child owes an answer, subscriptions left out. */
  readonly inFlight: () => number;
  readonly listen: (bystander: Bystander) => void;
  /** Settles at the child's first sign of life: a line on stderr, or anything on stdout. */
  readonly spoke: Promise<void>;
  /** Settles when the child has ended by itself, or cannot be understood any more. */
  readonly ended: Promise<LinkEnd>;
  readonly isEnded: () => boolean;
  /** What the child has said while its first answer is waited for. */
  readonly startWords: () => StartWords;
  readonly stop: () => Promise<void>;
}

/** The proxy's own requests at a child's start: nothing of a client's content is in them. */
const OPENING_METHODS: ReadonlySet<string> = new Set(["initialize", "server/discover"]);

export function createSharedLink(options: SharedLinkOptions): SharedLink {
  const { child, requestMs, context, log } = options;
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<LinkEnd>();
  const { promise: spoke, resolve: onSpoke } = Promise.withResolvers<void>();
  void child.spoke.then(onSpoke);
  let end: LinkEnd | undefined;
  let hasAnswered = options.read !== undefined;
  let count = 0;

  const tellCancelled = (id: number, reason: string) => {
    child.write(
      Buffer.from(
        `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":${JSON.stringify(reason)}}}`,
      ),
    );
  };

  const calls = createCallTable<SharedCall>({
    requestMs,
    onOverdue: (id, call) => {
      tellCancelled(id, "timed out");
      const message = `The server did not answer ${JSON.stringify(call.method)} within ${requestMs} ms.`;
      delivery.fail(call, new ProxyError("child_timeout", { message }));
    },
    // What the child has written for this caller is not for the others.
    onForgotten: ({ method }) => {
      if (!OPENING_METHODS.has(method)) child.stderr.divide();
    },
  });

  const delivery = createDelivery({ calls, write: (line) => void child.write(line), tellCancelled, log, context });

  const toldTo = ({ method, stderrFrom }: SharedCall, reason: LinkEnd): LinkEnd => {
    if (OPENING_METHODS.has(method) || !("stderr" in reason)) return reason;
    return { ...reason, stderr: child.stderr.lastWords(Math.max(stderrFrom, child.stderr.division())) };
  };

  const finish = (reason: LinkEnd) => {
    if (end !== undefined) return;
    end = reason;
    calls.close();
    const owed = calls.takeAll();
    // What the child wrote to stderr while it was at work for several may be about any of them.
    const [only] = owed;
    const error =
      only !== undefined && owed.length === 1 ? describeEnd(toldTo(only, reason)) : describeEnd(reason, false);
    for (const call of owed) delivery.fail(call, error);
    onEnded(reason);
  };

  const read = (events: ReadEvents) =>
    void readChild({ child, scan: options.scan, maxLineBytes: options.maxLineBytes, log, context, ...events });
  (options.read ?? read)({
    onFirstByte: onSpoke,
    owed: function* () {
      for (const [id, identity] of calls.entries()) yield { id: String(id), rawId: String(id), identity };
    },
    onMessages: (messages) => {
      hasAnswered ||= messages.some(({ message }) => message.kind === "response");
      const slow = messages.map(delivery.deliver).filter((sent) => sent !== undefined);
      return slow.length === 0 ? undefined : Promise.all(slow).then(() => undefined);
    },
    onEnd: finish,
  });

  return {
    pid: child.pid,
    call: (request, events) => {
      if (end !== undefined) throw describeEnd(end, false);
      if (calls.size() >= MAX_IN_FLIGHT) {
        throw new ProxyError("too_many_in_flight", {
          message: `The server's process has ${calls.size()} unanswered requests, as many as it may have.`,
          retryAfterSeconds: 1,
        });
      }
      const id = ++count;
      const names = namesIn(request.line);
      const written = child.write(withCallId(request.line, names, id));
      if (written === "full") throw new ProxyError("child_busy", { retryAfterSeconds: 5 });
      if (written === "closed")
        throw new ProxyError("child_exited", { message: "The server's process has closed its input." });
      const { rawId, rawToken } = names;
      const { method, isEndless = false } = request;
      calls.add(id, { rawId, rawToken, method, isEndless, events, stderrFrom: child.stderr.position() });
      return {
        cancel: (reason) => {
          if (calls.forget(id) !== undefined) tellCancelled(id, reason);
        },
        pause: () => calls.pause(id),
        goOn: () => calls.restart(id),
        resume: (next, nextEvents) => {
          const entry = calls.get(id);
          if (entry === undefined) return;
          const own = namesIn(next.line);
          entry.rawId = own.rawId;
          entry.rawToken = own.rawToken;
          entry.events = nextEvents;
          calls.restart(id);
        },
      };
    },
    write: (line) => void child.write(line),
    inFlight: calls.inFlight,
    listen: delivery.listen,
    spoke,
    ended,
    isEnded: () => end !== undefined,
    startWords: () => child.stderr.startWords(false),
    stop: () => {
      calls.close();
      return child.stop({ isStarting: !hasAnswered });
    },
  };
}
