import { ERRORS, type ErrorCode, ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import { createWatch } from "../base/watch.ts";
import type { ConnectLink, LinkEnd, RawMessage } from "../link/link.ts";
import { describeExit } from "../process/exit.ts";
import type { Server } from "../process/server.ts";
import { errorAnswer } from "../wire/message.ts";
import { cancelledRequestOf, reportedProgressOf, wantedProgressOf } from "../wire/params.ts";
import type { OutgoingMessage, SessionOutput } from "./output.ts";
import { createPendingRequests, type PendingRequest } from "./pending.ts";

/** Why a session ended: one word for the log. */
export type EndReason =
  | "client-closed"
  | "stalled"
  | "idle"
  | "silent"
  | "lifetime"
  | "start-timeout"
  | "child-exited"
  | "unavailable"
  | "line-too-large"
  | "shutdown"
  | "deleted"
  | "internal-error";

export type Transport = "sse" | "streamable-http";

/** Requests of one session that may be unanswered at a time. */
export const MAX_IN_FLIGHT = 256;

/** One client's conversation with a server. */
export interface Session {
  /** What the client shows to be let in again: unguessable, and never logged. */
  readonly id: string;
  /** What the log and the operator call it. */
  readonly name: string;
  readonly server: Server;
  readonly principal: Principal;
  readonly transport: Transport;
  /** Settles when the session has ended and nothing of what it had for itself is left. */
  readonly gone: Promise<void>;
  /** Takes a message of the client. @throws ProxyError when it cannot be passed on. */
  readonly receive: (message: RawMessage) => void;
  /** @throws ProxyError too_many_in_flight when so many requests more would be too many. */
  readonly requireRoom: (requests: number) => void;
  /** Requests that the child has not answered yet. */
  readonly inFlight: () => number;
  readonly end: (reason: EndReason) => void;
}

export interface SessionOptions {
  readonly id: string;
  readonly name: string;
  readonly server: Server;
  readonly principal: Principal;
  /** The client's address, for the log. */
  readonly client: string;
  readonly transport: Transport;
  readonly connect: ConnectLink;
  /** Names of the client's variables, for the log. */
  readonly variableNames: readonly string[];
  readonly output: SessionOutput;
  readonly log: Logger;
  /** During a shutdown no new requests are taken; answers and notifications are. */
  readonly isDraining: () => boolean;
  /** Called once, at the child's first message or at the session's end: the start is over. */
  readonly onStarted: () => void;
  /** Called once, when the session takes no more messages. */
  readonly onEnd: (reason: EndReason, answered: boolean) => void;
}

/** Connects a client with a link to a child, and ends both together. */
export function createSession(options: SessionOptions): Session {
  const { id, name, server, principal, transport, connect, output, log, onStarted, onEnd } = options;
  const { timeouts } = server;
  const context = { session: name, server: server.name };
  const pending = createPendingRequests();
  const createdAt = performance.now();
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  let lastTrafficAt = createdAt;
  let waitsForFirstAnswerSince: number | undefined;
  let answered = false;
  let messagesIn = 0;
  let messagesOut = 0;
  let bytesIn = 0;
  let bytesOut = 0;
  let lateAnswers = 0;
  let ended = false;

  const answerWithError = (
    { id: key, rawId }: PendingRequest,
    code: ErrorCode,
    message: string,
    data: Readonly<Record<string, unknown>>,
  ) => output.answer(key, errorAnswer(rawId, ERRORS[code].rpc, message, { code, ...data }));

  /** The fixed order: mark it ended, answer what is owed, close the streams, stop the child. */
  const finish = (
    reason: EndReason,
    code: ErrorCode,
    message: string,
    data: Readonly<Record<string, unknown>> = {},
  ) => {
    if (ended) return;
    ended = true;
    watch.close();
    const owed = pending.takeAll();
    try {
      for (const request of owed) answerWithError(request, code, message, data);
      const farewell = JSON.stringify({ error: { code, message, ...data } });
      if (reason === "stalled") output.cut();
      else output.close(owed.length === 0 && reason !== "client-closed" ? farewell : undefined);
    } finally {
      onStarted();
      onEnd(reason, answered);
      link.stop().then(onGone, (error: unknown) => {
        log.error({ ...context, err: error }, "stopping the child failed");
        onGone();
      });
      const durationMs = Math.round(performance.now() - createdAt);
      const counts = { messagesIn, messagesOut, bytesIn, bytesOut, dropped: link.dropped(), lateAnswers };
      log.info(
        {
          ...context,
          pid: link.pid,
          principal: principal.id,
          transport,
          reason,
          durationMs,
          ...counts,
          unanswered: owed.length,
        },
        "session ended",
      );
    }
  };

  const end = (reason: EndReason) => {
    const ending = ENDINGS[reason];
    finish(reason, ending.code, ending.message);
  };

  const onLinkEnd = (ending: LinkEnd) => {
    if (ended) return;
    if (ending.kind === "line-too-long") {
      finish(
        "line-too-large",
        "child_line_too_large",
        `The server wrote a message of more than ${ending.maxLineBytes} bytes; the session was ended.`,
      );
      return;
    }
    if (ending.kind === "stalled") {
      end("stalled");
      return;
    }
    if (ending.kind === "failed") {
      // Only what the child did counts against it.
      const reason = ERRORS[ending.code].fault === "child" ? "child-exited" : "unavailable";
      finish(reason, ending.code, ending.message, ending.data);
      return;
    }
    const { stderr } = ending;
    const how = ending.kind === "exited" ? describeExit(ending.exit) : `it closed its ${ending.stream}`;
    const data =
      ending.kind === "exited" ? { exitCode: ending.exit.code, signal: ending.exit.signal, stderr } : { stderr };
    log.warn({ ...context, pid: link.pid, how, stderr }, "child ended by itself");
    finish("child-exited", "child_exited", `The server's process ended before it answered: ${how}.`, data);
  };

  const checkRequests = (now: number) => {
    if (timeouts.requestMs === 0) return;
    for (const request of pending.expire(now - timeouts.requestMs)) {
      const { rawId, method } = request;
      answerWithError(
        request,
        "child_timeout",
        `The server did not answer ${JSON.stringify(method)} within ${timeouts.requestMs} ms.`,
        {},
      );
      // MCP: the initialize request must not be cancelled.
      if (method !== "initialize") {
        link.send({
          line: Buffer.from(
            `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${rawId},"reason":"timed out"}}`,
          ),
          message: { kind: "notification", method: "notifications/cancelled" },
        });
      }
    }
  };

  const after = (since: number | undefined, limitMs: number) =>
    since === undefined || limitMs === 0 ? Number.POSITIVE_INFINITY : since + limitMs;
  const quietLimitMs = () => (output.isOpen() ? timeouts.silentMs : timeouts.idleMs);
  /** A stream that is open now may be closed without a word to this watch: the shorter limit is looked at, too. */
  const nextQuietCheck = (now: number) => {
    const idleAt = after(lastTrafficAt, timeouts.idleMs);
    if (!output.isOpen()) return idleAt;
    return Math.min(after(lastTrafficAt, timeouts.silentMs), Math.max(idleAt, after(now, timeouts.idleMs)));
  };

  const watch = createWatch((now) => {
    if (ended) return Number.POSITIVE_INFINITY;
    // Before the requests' own limit, which may be as long: that nothing was ever answered is the better news.
    if (after(waitsForFirstAnswerSince, timeouts.startMs) <= now) end("start-timeout");
    else checkRequests(now);
    if (ended) return Number.POSITIVE_INFINITY;
    if (after(createdAt, timeouts.lifetimeMs) <= now) end("lifetime");
    else if (after(lastTrafficAt, quietLimitMs()) <= now) end(output.isOpen() ? "silent" : "idle");
    else if (output.check(now) === "stalled") end("stalled");
    if (ended) return Number.POSITIVE_INFINITY;
    return Math.min(
      after(pending.oldestSince(), timeouts.requestMs),
      after(waitsForFirstAnswerSince, timeouts.startMs),
      after(createdAt, timeouts.lifetimeMs),
      nextQuietCheck(now),
      output.nextCheck(),
    );
  });

  /** Settles what the child answers; gives what goes on to the client, or undefined for an answer that nobody waits for. */
  const settle = ({ line, message, about }: RawMessage, now: number): OutgoingMessage | undefined => {
    if (message.kind === "notification") {
      const token = message.method === "notifications/progress" ? reportedProgressOf(line) : undefined;
      return { line, message, about: token === undefined ? about : pending.touch(token, now) };
    }
    if (message.kind === "request" || message.id === "null") return { line, message, about };
    waitsForFirstAnswerSince = undefined;
    answered = true;
    if (pending.settle(message.id) !== undefined) return { line, message, about: message.id };
    lateAnswers++;
    return undefined;
  };

  const onMessages = (messages: readonly RawMessage[]): Promise<void> | undefined => {
    if (ended) return undefined;
    const now = performance.now();
    lastTrafficAt = now;
    onStarted();
    const outgoing: OutgoingMessage[] = [];
    for (const message of messages) {
      const settled = settle(message, now);
      if (settled === undefined) continue;
      outgoing.push(settled);
      bytesOut += settled.line.length;
    }
    messagesOut += outgoing.length;
    return outgoing.length === 0 ? undefined : output.deliver(outgoing);
  };

  const requireRoom = (requests: number) => {
    if (pending.size() + requests <= MAX_IN_FLIGHT) return;
    throw new ProxyError("too_many_in_flight", {
      message: `A session may have ${MAX_IN_FLIGHT} unanswered requests; ${pending.size()} of this one are.`,
      retryAfterSeconds: 1,
    });
  };

  const receive = (raw: RawMessage) => {
    const { line, message } = raw;
    if (ended) throw new ProxyError("session_not_found");
    const now = performance.now();
    if (message.kind === "request") {
      if (options.isDraining()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
      if (pending.has(message.id))
        throw new ProxyError("invalid_request", { message: "A request with this id is in flight already." });
      requireRoom(1);
    }
    const written = link.send(raw);
    if (written === "full") throw new ProxyError("child_busy", { retryAfterSeconds: 5 });
    if (written === "closed")
      throw new ProxyError("child_exited", { message: "The server's process has closed its input." });
    lastTrafficAt = now;
    messagesIn++;
    bytesIn += line.length;
    if (message.kind === "request") {
      pending.add(
        { id: message.id, rawId: message.rawId, method: message.method, progressToken: wantedProgressOf(line) },
        now,
      );
      if (!answered) waitsForFirstAnswerSince ??= now;
      watch.expect(
        Math.min(
          now + output.patienceMs,
          after(now, timeouts.requestMs),
          answered ? Number.POSITIVE_INFINITY : after(now, timeouts.startMs),
        ),
      );
    } else if (message.kind === "notification" && message.method === "notifications/cancelled") {
      const cancelled = cancelledRequestOf(line);
      if (cancelled !== undefined && pending.settle(cancelled) !== undefined) output.abandon(cancelled);
      if (pending.size() === 0) waitsForFirstAnswerSince = undefined;
    }
  };

  const link = connect({ onMessages, onEnd: onLinkEnd });
  watch.expect(createdAt);
  log.info(
    {
      ...context,
      pid: link.pid,
      principal: principal.id,
      transport,
      client: options.client,
      variables: options.variableNames,
    },
    "session started",
  );
  return { id, name, server, principal, transport, gone, receive, requireRoom, inFlight: pending.size, end };
}

const ENDINGS: Readonly<Record<EndReason, { readonly code: ErrorCode; readonly message: string }>> = {
  "client-closed": { code: "session_not_found", message: "The client closed the session." },
  stalled: { code: "session_not_found", message: "The client took no data any more; the session was ended." },
  idle: { code: "session_not_found", message: "The session was ended: no message for too long, and no open stream." },
  silent: { code: "session_not_found", message: "The session was ended: no message for too long." },
  lifetime: { code: "session_not_found", message: "The session reached its longest lifetime." },
  "start-timeout": { code: "start_timeout", message: ERRORS.start_timeout.summary },
  "child-exited": { code: "child_exited", message: ERRORS.child_exited.summary },
  unavailable: { code: "internal_error", message: ERRORS.internal_error.summary },
  "line-too-large": { code: "child_line_too_large", message: ERRORS.child_line_too_large.summary },
  deleted: { code: "session_not_found", message: "The client ended the session." },
  shutdown: { code: "draining", message: "The proxy is shutting down; the session was ended." },
  "internal-error": { code: "internal_error", message: ERRORS.internal_error.summary },
};
