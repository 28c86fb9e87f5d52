import { ERRORS, ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import type { ConnectLink, LinkEnd, RawMessage } from "../link/link.ts";
import type { Server } from "../process/server.ts";
import { errorAnswer } from "../wire/message.ts";
import { cancelledRequestOf, reportedProgressOf, wantedProgressOf } from "../wire/params.ts";
import { type Ending, endingFor, endingOf, endingOfSlowStart, loggedEnd } from "./child-end.ts";
import { createDeadlines } from "./deadlines.ts";
import type { EndReason } from "./endings.ts";
import type { OutgoingMessage, SessionOutput } from "./output.ts";
import { createPendingRequests, type PendingRequest } from "./pending.ts";

export type Transport = "sse" | "streamable-http";

/** Requests of one session that may be unanswered at a time. */
export const MAX_IN_FLIGHT = 256;

/** 24 bytes of the system's random generator: an id that nobody guesses. */
const ID_BYTES = 24;

export function createSessionId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(ID_BYTES))).toString("base64url");
}

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
  const { requestMs } = server.timeouts;
  const context = { session: name, server: server.name };
  const pending = createPendingRequests();
  const createdAt = performance.now();
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  const counts = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, lateAnswers: 0 };
  let ended = false;
  /** Method of the client's first request. */
  let opensWith: string | undefined;

  const answerWithError = ({ id: key, rawId }: PendingRequest, { code, message, data }: Omit<Ending, "reason">) =>
    output.answer(key, errorAnswer(rawId, ERRORS[code].rpc, message, { code, ...data }));

  /** The fixed order: mark it ended, answer what is owed, close the streams, stop the child. */
  const finish = (ending: Ending) => {
    if (ended) return;
    ended = true;
    deadlines.close();
    const { reason, code, message, data } = ending;
    const owed = pending.takeAll();
    try {
      for (const request of owed) answerWithError(request, ending);
      const farewell = JSON.stringify({ error: { code, message, ...data } });
      if (reason === "stalled") output.cut();
      else output.close(owed.length === 0 && reason !== "client-closed" ? farewell : undefined);
    } finally {
      onStarted();
      onEnd(reason, deadlines.hasAnswered());
      link.stop().then(onGone, (error: unknown) => {
        log.error({ ...context, err: error }, "stopping the child failed");
        onGone();
      });
      const tally = { ...counts, dropped: link.dropped(), unanswered: owed.length };
      const durationMs = Math.round(performance.now() - createdAt);
      const { pid } = link;
      log.info({ ...context, pid, principal: principal.id, transport, reason, durationMs, ...tally }, "session ended");
    }
  };

  const onLinkEnd = (end: LinkEnd) => {
    if (ended) return;
    const how = loggedEnd(end, counts.messagesIn > (opensWith === "initialize" ? 1 : 0));
    if (how !== undefined) log.warn({ ...context, pid: link.pid, how }, "child ended by itself");
    finish(endingOf(end));
  };

  const onOverdue = (requests: readonly PendingRequest[]) => {
    for (const request of requests) {
      const { rawId, method } = request;
      const message = `The server did not answer ${JSON.stringify(method)} within ${requestMs} ms.`;
      answerWithError(request, { code: "child_timeout", message, data: {} });
      // MCP: the initialize request must not be cancelled.
      if (method !== "initialize") link.send(cancellation(rawId));
    }
  };

  const deadlines = createDeadlines({
    timeouts: server.timeouts,
    output,
    pending,
    onOverdue,
    onEnd: (reason) => {
      const words = reason === "start-timeout" ? link.startWords?.() : undefined;
      finish(words === undefined ? endingFor(reason) : endingOfSlowStart(words));
    },
  });

  /** Settles what the child answers; gives what goes on to the client, or undefined for an answer that nobody waits for. */
  const settle = ({ line, message, about }: RawMessage, now: number): OutgoingMessage | undefined => {
    if (message.kind === "notification") {
      const token = message.method === "notifications/progress" ? reportedProgressOf(line) : undefined;
      return { line, message, about: token === undefined ? about : pending.touch(token, now) };
    }
    if (message.kind === "request" || message.id === "null") return { line, message, about };
    deadlines.onAnswer();
    if (pending.settle(message.id) !== undefined) return { line, message, about: message.id };
    counts.lateAnswers++;
    return undefined;
  };

  const onMessages = (messages: readonly RawMessage[]): Promise<void> | undefined => {
    if (ended) return undefined;
    const now = performance.now();
    deadlines.onTraffic(now);
    onStarted();
    const outgoing: OutgoingMessage[] = [];
    for (const message of messages) {
      const settled = settle(message, now);
      if (settled === undefined) continue;
      outgoing.push(settled);
      counts.bytesOut += settled.line.length;
    }
    counts.messagesOut += outgoing.length;
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
    deadlines.onTraffic(now);
    counts.messagesIn++;
    counts.bytesIn += line.length;
    if (message.kind === "request") {
      opensWith ??= message.method;
      pending.add(
        { id: message.id, rawId: message.rawId, method: message.method, progressToken: wantedProgressOf(line) },
        now,
      );
      deadlines.onRequest(now);
    } else if (message.kind === "notification" && message.method === "notifications/cancelled") {
      const cancelled = cancelledRequestOf(line);
      if (cancelled !== undefined && pending.settle(cancelled) !== undefined) output.abandon(cancelled);
      if (pending.size() === 0) deadlines.onNothingPending();
    }
  };

  const link = connect({ onMessages, onEnd: onLinkEnd });
  const { client, variableNames: variables } = options;
  log.info({ ...context, pid: link.pid, principal: principal.id, transport, client, variables }, "session started");
  const end = (reason: EndReason) => finish(endingFor(reason));
  return { id, name, server, principal, transport, gone, receive, requireRoom, inFlight: pending.size, end };
}

function cancellation(rawId: string): RawMessage {
  const params = `{"requestId":${rawId},"reason":"timed out"}`;
  return {
    line: Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`),
    message: { kind: "notification", method: "notifications/cancelled" },
  };
}
