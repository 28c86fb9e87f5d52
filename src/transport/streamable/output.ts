import { randomBytes } from "node:crypto";
import { ProxyError } from "../../base/errors.ts";
import type { OutgoingMessage, SessionOutput } from "../../session/output.ts";
import type { IdKey } from "../../wire/message.ts";
import { ASSUMED_REVISION, allowsBatches, hasPrimingEvent, type SessionRevision } from "../../wire/revisions.ts";
import type { ClientStream } from "../client-stream.ts";
import { createHistory, type HistoryBudget } from "./history.ts";
import { createResumableStream, type ResumableStream } from "./resumable-stream.ts";

/** A request that is not answered by then gets an event stream, on which heartbeats and the way back are possible. */
const PATIENCE_MS = 250;

/** Events of one session that are remembered, and for how long. */
const HISTORY_EVENTS = 1_024;
const HISTORY_AGE_MS = 5 * 60_000;

/** Streams of one session that have ended and that a client may still come back to. */
const ENDED_STREAMS = 128;

/** The stream of GET, for what belongs to no request. */
const STANDALONE = 0;

/** How a request is answered: by its answer alone, or on an event stream. */
export type Reply =
  | { readonly kind: "json"; readonly body: Buffer; readonly from: "child" | "proxy" }
  | { readonly kind: "stream"; readonly stream: ClientStream };

export interface StreamableOutputOptions {
  readonly budget: HistoryBudget;
  readonly heartbeatMs: number;
  readonly stalledWriteMs: number;
  /** Bytes of history that one session may hold. */
  readonly historyBytes: number;
}

/** The streams of a Streamable HTTP session (MCP 2025-11-25, transports), and which message goes on which. */
export interface StreamableOutput extends SessionOutput {
  /**
   * Expects the answers to the requests of one POST. `alone`: the answer is waited for however long it takes, and nothing
   * else may come with it, as for `initialize`. @throws ProxyError invalid_request for an id that is in flight already.
   */
  readonly expect: (ids: readonly IdKey[], how: "alone" | "with-messages") => Promise<Reply>;
  /** Takes back an `expect` whose requests could not be passed on. */
  readonly retract: (ids: readonly IdKey[]) => void;
  /** Connects the standalone stream, or the one that an event id is of. @returns undefined for an id that is no event's. */
  readonly resume: (lastEventId: string | undefined) => ClientStream | "gap" | "over" | undefined;
  /** A connection was lost: its stream goes on without one. */
  readonly disconnect: (connection: ClientStream) => void;
  readonly setRevision: (revision: SessionRevision) => void;
  /** Whether the session's revision has JSON-RPC batches. */
  readonly takesBatches: () => boolean;
}

/** One POST's requests and the stream that they may get. */
interface Exchange {
  readonly owed: Set<IdKey>;
  readonly number: number;
  readonly isAlone: boolean;
  readonly since: number;
  /** Set until it is decided how to answer. */
  decide: ((reply: Reply) => void) | undefined;
  stream: ResumableStream | undefined;
}

export function createStreamableOutput(options: StreamableOutputOptions): StreamableOutput {
  const { budget, heartbeatMs, stalledWriteMs, historyBytes } = options;
  const tag = randomBytes(6).toString("base64url").replaceAll("-", "_");
  const history = createHistory({
    budget,
    maxEvents: HISTORY_EVENTS,
    maxBytes: historyBytes,
    maxAgeMs: HISTORY_AGE_MS,
  });
  const exchanges = new Map<IdKey, Exchange>();
  /** Not yet decided, in the order of arrival: the first is the one that has waited longest. */
  const undecided = new Set<Exchange>();
  /** Streams that a client may come back to. */
  const streams = new Map<number, ResumableStream>();
  /** When those ended that have, the first one first. */
  const endedAt = new Map<number, number>();
  let revision: SessionRevision = ASSUMED_REVISION;
  let count = STANDALONE;
  let hadStandalone = false;
  let closed = false;

  const createStream = (number: number): ResumableStream => {
    const primes = () => hasPrimingEvent(revision);
    const stream = createResumableStream({ number, tag, history, primes, stalledWriteMs });
    streams.set(number, stream);
    return stream;
  };
  const standalone = createStream(STANDALONE);

  /** Turns a waiting POST into an event stream. */
  const openStream = (exchange: Exchange): ResumableStream => {
    if (exchange.stream !== undefined) return exchange.stream;
    const stream = createStream(exchange.number);
    exchange.stream = stream;
    const connection = stream.connect(undefined);
    undecided.delete(exchange);
    if (typeof connection === "object") exchange.decide?.({ kind: "stream", stream: connection });
    exchange.decide = undefined;
    return stream;
  };

  const endStream = (stream: ResumableStream) => {
    stream.end();
    endedAt.set(stream.number, performance.now());
    const [oldest] = endedAt.keys();
    if (endedAt.size > ENDED_STREAMS && oldest !== undefined) forgetStream(oldest);
  };

  const forgetStream = (number: number) => {
    streams.delete(number);
    endedAt.delete(number);
  };

  const settle = (
    exchange: Exchange,
    id: IdKey,
    line: Buffer | undefined,
    from: "child" | "proxy",
  ): Promise<void> | undefined => {
    exchanges.delete(id);
    exchange.owed.delete(id);
    const isLast = exchange.owed.size === 0;
    if (exchange.stream === undefined && isLast && line !== undefined) {
      undecided.delete(exchange);
      exchange.decide?.({ kind: "json", body: line, from });
      exchange.decide = undefined;
      return undefined;
    }
    const stream = openStream(exchange);
    const sent = line === undefined ? undefined : stream.send(line);
    if (isLast) endStream(stream);
    return sent;
  };

  /** Where a message goes that names no request: it must not be lost, and it must not go out twice. */
  const streamFor = ({ message }: OutgoingMessage): ResumableStream => {
    const open = [...new Set(exchanges.values())].filter(({ isAlone }) => !isAlone);
    const [only] = open;
    const belongsToWork =
      message.kind === "request" || (message.kind === "notification" && message.method === "notifications/message");
    if (belongsToWork && open.length === 1 && only !== undefined) return openStream(only);
    const isListening = standalone.connection()?.isOpen() === true;
    // Notifications can wait for a client that lost its standalone stream; work that somebody waits for had better not.
    if (isListening || only === undefined || (hadStandalone && !belongsToWork)) return standalone;
    // This client has no standalone stream, and perhaps never will: the request that has waited longest it does listen to.
    return openStream(only);
  };

  const deliverOne = (outgoing: OutgoingMessage): Promise<void> | undefined => {
    const { line, message, about } = outgoing;
    const exchange = about === undefined ? undefined : exchanges.get(about);
    if (exchange === undefined) return streamFor(outgoing).send(line);
    if (message.kind === "response" && about !== undefined) return settle(exchange, about, line, "child");
    return exchange.isAlone ? standalone.send(line) : openStream(exchange).send(line);
  };

  const connections = () => [...streams.values()].filter((stream) => stream.connection()?.isOpen() === true);

  const endAll = (how: "end" | "cut") => {
    closed = true;
    for (const stream of streams.values()) stream[how]();
    history.clear();
  };

  return {
    patienceMs: PATIENCE_MS,
    expect: (ids, how) => {
      const hasTwins = ids.length > 1 && new Set(ids).size < ids.length;
      if (hasTwins || ids.some((id) => exchanges.has(id))) {
        throw new ProxyError("invalid_request", { message: "A request with this id is in flight already." });
      }
      const { promise, resolve } = Promise.withResolvers<Reply>();
      const exchange: Exchange = {
        owed: new Set(ids),
        number: ++count,
        isAlone: how === "alone",
        since: performance.now(),
        decide: resolve,
        stream: undefined,
      };
      for (const id of ids) exchanges.set(id, exchange);
      if (!exchange.isAlone) undecided.add(exchange);
      return promise;
    },
    retract: (ids) => {
      for (const id of ids) {
        const exchange = exchanges.get(id);
        exchanges.delete(id);
        if (exchange !== undefined) undecided.delete(exchange);
      }
    },
    resume: (lastEventId) => {
      if (lastEventId === undefined) {
        hadStandalone = true;
        return standalone.connect(undefined);
      }
      const [, idTag, number, sequence] = /^([\w]{1,16})-(\d{1,9})-(\d{1,9})$/.exec(lastEventId) ?? [];
      if (idTag !== tag || Number(number) > count) return undefined;
      const stream = streams.get(Number(number));
      if (stream === undefined) return "gap";
      if (Number(sequence) > stream.lastSequence()) return undefined;
      if (stream === standalone) hadStandalone = true;
      return stream.connect(Number(sequence));
    },
    disconnect: (connection) => {
      for (const stream of streams.values()) stream.disconnect(connection);
    },
    setRevision: (negotiated) => {
      revision = negotiated;
    },
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
      const exchange = exchanges.get(id);
      if (exchange !== undefined) void settle(exchange, id, Buffer.from(json), "proxy");
    },
    abandon: (id) => {
      const exchange = exchanges.get(id);
      if (exchange !== undefined) void settle(exchange, id, undefined, "proxy");
    },
    isOpen: () => exchanges.size > 0 || connections().length > 0,
    check: (now) => {
      for (const exchange of undecided) {
        if (now - exchange.since < PATIENCE_MS) break;
        openStream(exchange);
      }
      history.expire(now);
      for (const stream of connections()) stream.check(now, heartbeatMs);
      for (const [number, at] of endedAt) {
        if (now - at < HISTORY_AGE_MS) break;
        forgetStream(number);
      }
      return "ok";
    },
    nextCheck: () => {
      const [oldest] = undecided;
      const patience = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.since + PATIENCE_MS;
      const quiet = heartbeatMs > 0 ? heartbeatMs : stalledWriteMs > 0 ? stalledWriteMs : HISTORY_AGE_MS;
      const beats = connections().map((stream) => (stream.connection()?.lastWriteAt() ?? 0) + quiet);
      const forgetting = endedAt.size > 0 ? performance.now() + HISTORY_AGE_MS : Number.POSITIVE_INFINITY;
      return Math.min(patience, forgetting, ...beats);
    },
    close: () => {
      if (!closed) endAll("end");
    },
    cut: () => endAll("cut"),
  };
}
