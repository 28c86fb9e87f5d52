import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import type { ConnectLink, LinkEnd, RawMessage } from "../link/link.ts";
import type { Server } from "../process/server.ts";
import type { IdKey } from "../wire/message.ts";
import { type Ending, endingFor, endingOf, endingOfSlowStart, loggedEnd } from "./child-end.ts";
import { createDeadlines } from "./deadlines.ts";
import type { EndReason } from "./endings.ts";
import { createFromChild } from "./from-child.ts";
import { createFromClient } from "./from-client.ts";
import type { OutgoingMessage, SessionOutput } from "./output.ts";
import { answerWithError, createOverdue } from "./overdue.ts";
import { createPendingRequests } from "./pending.ts";
import { createQuestions } from "./questions.ts";
import { createSubscribed } from "./subscribed.ts";

export type Transport = "sse" | "streamable-http";

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
  /**
   * Takes a message of the client. @returns the key under which its output hears of a request's answer.
   * @throws ProxyError when it cannot be passed on.
   */
  readonly receive: (message: RawMessage) => IdKey | undefined;
  /** @throws ProxyError too_many_in_flight when so many requests more would be too many. */
  readonly requireRoom: (requests: number) => void;
  /** Whether a request that the client sent under this id is unanswered. */
  readonly owes: (id: IdKey) => boolean;
  /** Since when nobody uses it; undefined: a stream of its is open, a request in flight, or a resource subscribed to. */
  readonly idleSince: () => number | undefined;
  /** The client has lost its connection, and may come back to its output for a while: not before the child has ever answered. */
  readonly clientLeft: () => void;
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
  /** Called once, when the session takes no more messages. */
  readonly onEnd: (reason: EndReason, answered: boolean) => void;
}

/** Connects a client with a link to a child, and ends both together. */
export function createSession(options: SessionOptions): Session {
  const { id, name, server, principal, transport, connect, output, log, onEnd } = options;
  const { requestMs, parkedMs } = server.timeouts;
  const context = { session: name, server: server.name };
  const pending = createPendingRequests();
  const questions = createQuestions({ userMs: parkedMs, requestMs });
  const subscribed = createSubscribed();
  const createdAt = performance.now();
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  const counts = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  let ended = false;
  /** Method of the client's first request. */
  let opensWith: string | undefined;

  /** The fixed order: mark it ended, answer what is owed, close the streams, stop the child. */
  const finish = (ending: Ending) => {
    if (ended) return;
    ended = true;
    deadlines.close();
    const { reason, code, message, data } = ending;
    const owed = pending.takeAll();
    try {
      for (const request of owed) answerWithError(output, request, ending);
      const farewell = JSON.stringify({ error: { code, message, ...data } });
      if (reason === "stalled") output.cut();
      else output.close(owed.length === 0 && reason !== "client-closed" ? farewell : undefined);
    } finally {
      onEnd(reason, deadlines.hasAnswered());
      link.stop().then(onGone, (error: unknown) => {
        log.error({ ...context, err: error }, "stopping the child failed");
        onGone();
      });
      const tally = {
        ...counts,
        dropped: link.dropped(),
        lateAnswers: fromChild.lateAnswers(),
        unanswered: owed.length,
      };
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

  const send = (message: RawMessage) => link.send(message);
  const { answerChild, onOverdue, onUnanswered } = createOverdue({ send, output, requestMs });

  const deadlines = createDeadlines({
    timeouts: server.timeouts,
    output,
    pending,
    questions,
    onUnanswered,
    onOverdue,
    onEnd: (reason) => {
      const words = reason === "start-timeout" ? link.startWords?.() : undefined;
      finish(words === undefined ? endingFor(reason) : endingOfSlowStart(words));
    },
  });

  const parts = { pending, questions, deadlines, output };
  const fromChild = createFromChild({ ...parts, answerChild });
  const fromClient = createFromClient({ ...parts, send, isDraining: options.isDraining });

  const onMessages = (messages: readonly RawMessage[]): Promise<void> | undefined => {
    if (ended) return undefined;
    const now = performance.now();
    deadlines.onTraffic(now);
    const outgoing: OutgoingMessage[] = [];
    for (const message of messages) {
      const taken = fromChild.take(message, now);
      if (taken === undefined) continue;
      outgoing.push(taken);
      counts.bytesOut += taken.line.length;
    }
    counts.messagesOut += outgoing.length;
    return outgoing.length === 0 ? undefined : output.deliver(outgoing);
  };

  const receive = (raw: RawMessage): IdKey | undefined => {
    if (ended) throw new ProxyError("session_not_found");
    const now = performance.now();
    const key = fromClient.take(raw, now);
    deadlines.onTraffic(now);
    counts.messagesIn++;
    counts.bytesIn += raw.line.length;
    if (raw.message.kind === "request") {
      const { method } = raw.message;
      opensWith ??= method;
      subscribed.note(raw, method);
    }
    return key;
  };

  const link = connect({ onMessages, owed: pending.owed, onEnd: onLinkEnd });
  const { client, variableNames: variables } = options;
  log.info({ ...context, pid: link.pid, principal: principal.id, transport, client, variables }, "session started");
  const end = (reason: EndReason) => finish(endingFor(reason));
  const { requireRoom } = fromClient;
  const idleSince = () =>
    ended || output.isOpen() || pending.size() > 0 || subscribed.hasAny() ? undefined : deadlines.lastTrafficAt();
  const owes = (clientId: IdKey) => pending.latest(clientId) !== undefined;
  const clientLeft = () => {
    if (deadlines.hasAnswered()) deadlines.recheck();
    else finish(endingFor("client-closed"));
  };
  const who = { id, name, server, principal, transport };
  return { ...who, gone, receive, requireRoom, owes, idleSince, clientLeft, inFlight: pending.size, end };
}
