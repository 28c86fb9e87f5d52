import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createWatch } from "../base/watch.ts";
import type { Child } from "../process/child.ts";
import type { StartWords } from "../process/child-stderr.ts";
import { META } from "../wire/envelope.ts";
import { applyEdits, type Edit, type Span, textAt, valueAt } from "../wire/json-edit.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { readChild } from "./child-reader.ts";
import type { LinkEnd, RawMessage } from "./link.ts";
import { describeEnd } from "./link-end.ts";

/** Messages of a child that are kept until there is a bystander; what a server wants to know on being initialised comes early. */
const MAX_EARLY = 32;

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
}

/** A caller's request, on one line. Its id and its progress token are the caller's own. */
export interface CallRequest {
  readonly line: Buffer;
  readonly method: string;
  /** Has no time limit: a subscription. */
  readonly isEndless?: boolean;
}

/** What becomes of a call. Ids and tokens are the caller's own again. */
export interface CallEvents {
  /** Progress of the call, or a notification of the subscription that it opened. */
  readonly onNotification: (line: Buffer, method: string) => Promise<void> | undefined;
  readonly onAnswer: (line: Buffer) => Promise<void> | undefined;
  /** There will be no answer: the child is gone, or took too long. */
  readonly onFailure: (error: ProxyError) => void;
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

/** Hears what the child says that belongs to no call. */
export interface Bystander {
  readonly onNotification: (message: RawMessage) => Promise<void> | undefined;
  /** A request of the child's own; its answer goes to `write`. */
  readonly onRequest: (message: RawMessage) => void;
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

interface Entry {
  /** What the child wrote to stderr before, up to this position, is none of the caller's. */
  readonly stderrFrom: number;
  rawId: string;
  rawToken: string | undefined;
  readonly method: string;
  readonly isEndless: boolean;
  events: CallEvents;
}

/** The proxy's own requests at a child's start: nothing of a client's content is in them. */
const OPENING_METHODS: ReadonlySet<string> = new Set(["initialize", "server/discover"]);

const TOKEN_PATH = ["params", "_meta", "progressToken"];
const SUBSCRIPTION_PATH = ["params", "_meta", META.subscriptionId];

export function createSharedLink(options: SharedLinkOptions): SharedLink {
  const { child, requestMs, context, log } = options;
  const calls = new Map<number, Entry>();
  /** Calls whose time runs, and since when, the longest first. */
  const clock = new Map<number, number>();
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<LinkEnd>();
  const { promise: spoke, resolve: onSpoke } = Promise.withResolvers<void>();
  void child.spoke.then(onSpoke);
  let end: LinkEnd | undefined;
  let count = 0;
  let endless = 0;
  const early: RawMessage[] = [];
  const keep = ({ line, message }: RawMessage) => {
    if (message.kind === "request" && message.method === "ping") {
      // It may wait for this before it answers `initialize`.
      child.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":{}}`));
    } else if (early.length < MAX_EARLY) {
      early.push({ line: Buffer.from(line), message });
    } else if (message.kind === "request") {
      const error = '{"code":-32603,"message":"Too many requests before the first answer."}';
      child.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"error":${error}}`));
    }
    return undefined;
  };
  let bystander: Bystander = { onNotification: keep, onRequest: keep };

  const startClock = (id: number) => {
    if (requestMs === 0 || calls.get(id)?.isEndless !== false) return;
    const now = performance.now();
    clock.delete(id);
    clock.set(id, now);
    watch.expect(now + requestMs);
  };

  const forget = (id: number): Entry | undefined => {
    const entry = calls.get(id);
    if (entry?.isEndless === true) endless--;
    calls.delete(id);
    clock.delete(id);
    // What the child has written for this caller is not for the others.
    if (entry !== undefined && !OPENING_METHODS.has(entry.method)) child.stderr.divide();
    return entry;
  };

  const tellCancelled = (id: number, reason: string) => {
    child.write(
      Buffer.from(
        `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":${JSON.stringify(reason)}}}`,
      ),
    );
  };

  const watch = createWatch((now) => {
    for (const [id, since] of clock) {
      if (since + requestMs > now) return since + requestMs;
      const entry = forget(id);
      tellCancelled(id, "timed out");
      const message = `The server did not answer ${JSON.stringify(entry?.method)} within ${requestMs} ms.`;
      entry?.events.onFailure(new ProxyError("child_timeout", { message }));
    }
    return Number.POSITIVE_INFINITY;
  });

  const toldTo = ({ method, stderrFrom }: Entry, reason: LinkEnd): LinkEnd => {
    if (OPENING_METHODS.has(method) || !("stderr" in reason)) return reason;
    return { ...reason, stderr: child.stderr.lastWords(Math.max(stderrFrom, child.stderr.division())) };
  };

  const finish = (reason: LinkEnd) => {
    if (end !== undefined) return;
    end = reason;
    watch.close();
    const owed = [...calls.values()];
    calls.clear();
    clock.clear();
    endless = 0;
    // What the child wrote to stderr while it was at work for several may be about any of them.
    const [only] = owed;
    const error =
      only !== undefined && owed.length === 1 ? describeEnd(toldTo(only, reason)) : describeEnd(reason, false);
    for (const { events } of owed) events.onFailure(error);
    onEnded(reason);
  };

  /** The call that a notification is about, by the token or subscription id that we gave the child. */
  const subject = (line: Buffer, path: readonly string[]) => {
    const span = valueAt(line, path);
    if (span === undefined) return undefined;
    const id = Number(textAt(line, span));
    const entry = calls.get(id);
    return entry === undefined ? undefined : { id, entry, span };
  };

  const onNotification = (message: RawMessage, method: string): Promise<void> | undefined => {
    const { line } = message;
    if (method === "notifications/progress") {
      const found = subject(line, ["params", "progressToken"]);
      if (found === undefined) return undefined;
      if (clock.has(found.id)) startClock(found.id);
      // The client went on with a request that wants no reports.
      if (found.entry.rawToken === undefined) return undefined;
      return found.entry.events.onNotification(
        applyEdits(line, [{ ...found.span, text: found.entry.rawToken }]),
        method,
      );
    }
    if (method === "notifications/cancelled") {
      const ended = subject(line, ["params", "requestId"]);
      if (ended?.entry.method === "subscriptions/listen") {
        forget(ended.id);
        ended.entry.events.onFailure(new ProxyError("child_exited", { message: "The server ended the subscription." }));
        return undefined;
      }
    }
    // The name's last part alone: there are servers that escape slashes.
    const subscription = line.includes("subscriptionId") ? subject(line, SUBSCRIPTION_PATH) : undefined;
    if (subscription === undefined) return bystander.onNotification(message);
    const { entry, span } = subscription;
    return entry.events.onNotification(applyEdits(line, [{ ...span, text: entry.rawId }]), method);
  };

  const onAnswer = (line: Buffer, id: number): Promise<void> | undefined => {
    const entry = forget(id);
    const span = valueAt(line, ["id"]);
    if (entry === undefined || span === undefined) return undefined;
    const edits: Edit[] = [{ ...span, text: entry.rawId }];
    const subscription = entry.isEndless ? valueAt(line, ["result", "_meta", META.subscriptionId]) : undefined;
    if (subscription !== undefined) edits.push({ ...subscription, text: entry.rawId });
    return entry.events.onAnswer(applyEdits(line, edits));
  };

  const onMessage = (raw: RawMessage): Promise<void> | undefined => {
    const { message, line } = raw;
    if (message.kind === "response") return onAnswer(line, Number(message.id));
    if (message.kind === "notification") return onNotification(raw, message.method);
    bystander.onRequest(raw);
    return undefined;
  };

  readChild({
    child,
    scan: options.scan,
    maxLineBytes: options.maxLineBytes,
    log,
    context,
    onMessages: (messages) => {
      const slow = messages.map(onMessage).filter((sent) => sent !== undefined);
      return slow.length === 0 ? undefined : Promise.all(slow).then(() => undefined);
    },
    onFirstByte: onSpoke,
    onEnd: finish,
  });

  return {
    pid: child.pid,
    call: (request, events) => {
      if (end !== undefined) throw describeEnd(end, false);
      if (calls.size >= MAX_IN_FLIGHT) {
        throw new ProxyError("too_many_in_flight", {
          message: `The server's process has ${calls.size} unanswered requests, as many as it may have.`,
          retryAfterSeconds: 1,
        });
      }
      const id = ++count;
      const { rawId, rawToken, spans } = readIds(request.line);
      // The id of a call is its progress token, too.
      const text = String(id);
      const written = child.write(
        applyEdits(
          request.line,
          spans.map((span) => ({ ...span, text })),
        ),
      );
      if (written === "full") throw new ProxyError("child_busy", { retryAfterSeconds: 5 });
      if (written === "closed")
        throw new ProxyError("child_exited", { message: "The server's process has closed its input." });
      if (request.isEndless === true) endless++;
      const { method, isEndless = false } = request;
      calls.set(id, { rawId, rawToken, method, isEndless, events, stderrFrom: child.stderr.position() });
      startClock(id);
      return {
        cancel: (reason) => {
          if (forget(id) !== undefined) tellCancelled(id, reason);
        },
        pause: () => clock.delete(id),
        goOn: () => startClock(id),
        resume: (next, nextEvents) => {
          const entry = calls.get(id);
          if (entry === undefined) return;
          const ids = readIds(next.line);
          entry.rawId = ids.rawId;
          entry.rawToken = ids.rawToken;
          entry.events = nextEvents;
          startClock(id);
        },
      };
    },
    write: (line) => void child.write(line),
    inFlight: () => calls.size - endless,
    listen: (next) => {
      bystander = next;
      for (const raw of early.splice(0)) {
        if (raw.message.kind === "request") next.onRequest(raw);
        else void next.onNotification(raw);
      }
    },
    spoke,
    ended,
    isEnded: () => end !== undefined,
    startWords: () => child.stderr.startWords(false),
    stop: () => {
      watch.close();
      return child.stop();
    },
  };
}

/** What a caller calls its request, and where it says so. */
function readIds(line: Buffer): { rawId: string; rawToken: string | undefined; spans: readonly Span[] } {
  const id = valueAt(line, ["id"]);
  // Also one whose name is spelt with escapes: the child would report under a token that may be another call's.
  const token = valueAt(line, TOKEN_PATH);
  return {
    rawId: id === undefined ? "null" : textAt(line, id),
    rawToken: token === undefined ? undefined : textAt(line, token),
    spans: [id, token].filter((span) => span !== undefined),
  };
}
