import type { OutgoingMessage, SessionOutput } from "../../session/output.ts";
import type { IdKey } from "../../wire/message.ts";
import {
  ASSUMED_REVISION,
  allowsBatches,
  hasPrimingEvent,
  isSessionRevision,
  type SessionRevision,
} from "../../wire/revisions.ts";
import type { AnswerTypes } from "../answer-types.ts";
import type { ClientStream } from "../client-stream.ts";
import type { HistoryBudget } from "../history.ts";
import type { KeepAliveOptions } from "../keep-alive.ts";
import { createPostExchanges, PATIENCE_MS, type Reply } from "./post-exchanges.ts";
import type { ResumableStream } from "./resumable-stream.ts";
import { createSessionStreams } from "./streams.ts";

/** The stream of GET, for what belongs to no request. */
const STANDALONE = 0;

export interface StreamableOutputOptions extends KeepAliveOptions {
  readonly budget: HistoryBudget;
  /** Bytes of history that one session may hold. */
  readonly historyBytes: number;
}

/** The streams of a Streamable HTTP session (MCP 2025-11-25, transports), and which message goes on which. */
export interface StreamableOutput extends SessionOutput {
  /** Expects the answers to the requests of one POST, by the keys that the session gave. */
  readonly expect: (ids: readonly IdKey[], types: AnswerTypes) => Promise<Reply>;
  /** Connects the standalone stream, or the one that an event id is of. @returns undefined for an id that is no event's. */
  readonly resume: (lastEventId: string | undefined) => ClientStream | "gap" | "over" | undefined;
  /** A connection was lost: its stream goes on without one. */
  readonly disconnect: (connection: ClientStream) => void;
  /** Notes what the server has agreed to speak. */
  readonly setRevision: (revision: string) => void;
  /** Whether the server has agreed to it, be it a revision that the proxy knows or not. */
  readonly speaks: (revision: string) => boolean;
  /** Whether the session's revision has JSON-RPC batches. */
  readonly takesBatches: () => boolean;
}

export function createStreamableOutput(options: StreamableOutputOptions): StreamableOutput {
  let revision: SessionRevision = ASSUMED_REVISION;
  let agreed: string | undefined;
  let hadStandalone = false;
  let closed = false;
  const streams = createSessionStreams({ ...options, primes: () => hasPrimingEvent(revision) });
  const standalone = streams.open(STANDALONE);
  const exchanges = createPostExchanges(streams);

  /** Where a message goes that names no request: it must not be lost, and it must not go out twice. */
  const streamFor = ({ message }: OutgoingMessage): ResumableStream => {
    const open = exchanges.listening();
    const [only] = open;
    const belongsToWork =
      message.kind === "request" || (message.kind === "notification" && message.method === "notifications/message");
    if (belongsToWork && open.length === 1 && only !== undefined) return exchanges.openStream(only);
    const isListening = standalone.connection()?.isOpen() === true;
    // Notifications can wait for a client that lost its standalone stream; work that somebody waits for had better not.
    if (isListening || only === undefined || (hadStandalone && !belongsToWork)) return standalone;
    // This client has no standalone stream, and perhaps never will: the request that has waited longest it does listen to.
    return exchanges.openStream(only);
  };

  const deliverOne = (outgoing: OutgoingMessage): Promise<void> | undefined => {
    const { line, message, about } = outgoing;
    const exchange = about === undefined ? undefined : exchanges.of(about);
    if (exchange === undefined) return streamFor(outgoing).send(line);
    if (message.kind === "response" && about !== undefined) return exchanges.settle(exchange, about, line, "child");
    return exchange.gathered !== undefined ? standalone.send(line) : exchanges.openStream(exchange).send(line);
  };

  const endAll = (how: "end" | "cut") => {
    closed = true;
    streams.endAll(how);
  };

  return {
    patienceMs: PATIENCE_MS,
    expect: exchanges.expect,
    resume: (lastEventId) => {
      if (lastEventId === undefined) {
        hadStandalone = true;
        return standalone.connect(undefined);
      }
      const found = streams.find(lastEventId);
      if (found === undefined) return undefined;
      if (found === "forgotten") return "gap";
      if (found.stream === standalone) hadStandalone = true;
      return found.stream.connect(found.sequence);
    },
    disconnect: streams.disconnect,
    setRevision: (negotiated) => {
      agreed = negotiated;
      if (isSessionRevision(negotiated)) revision = negotiated;
    },
    speaks: (other) => other === agreed,
    takesBatches: () => allowsBatches(revision),
    deliver: (messages) => {
      let slow: Promise<void>[] | undefined;
      for (const message of messages) {
        const sent = deliverOne(message);
        if (sent !== undefined) slow = [...(slow ?? []), sent];
      }
      return slow === undefined ? undefined : Promise.all(slow).then(() => undefined);
    },
    answer: (id, json) => {
      const exchange = exchanges.of(id);
      if (exchange !== undefined) void exchanges.settle(exchange, id, Buffer.from(json), "proxy");
    },
    separatesAnswers: true,
    isListening: () => standalone.connection()?.isOpen() === true || exchanges.listening().length > 0,
    abandon: (id) => {
      const exchange = exchanges.of(id);
      if (exchange !== undefined) void exchanges.settle(exchange, id, undefined, "proxy");
    },
    isOpen: () => exchanges.size() > 0 || streams.isConnected(),
    check: (now) => {
      exchanges.check(now);
      streams.check(now);
      return "ok";
    },
    nextCheck: () => Math.min(exchanges.nextCheck(), streams.nextCheck(performance.now())),
    close: () => {
      if (!closed) endAll("end");
    },
    cut: () => endAll("cut"),
  };
}
