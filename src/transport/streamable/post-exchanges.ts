import type { IdKey } from "../../wire/message.ts";
import type { AnswerTypes } from "../answer-types.ts";
import type { ClientStream } from "../client-stream.ts";
import type { ResumableStream } from "./resumable-stream.ts";
import type { SessionStreams } from "./streams.ts";

/** A request that is not answered by then gets an event stream, on which heartbeats and the way back are possible. */
export const PATIENCE_MS = 250;

/** How a POST is answered: by its answers alone, on an event stream, or, when all its requests were taken back, by nothing. */
export type Reply =
  | { readonly kind: "json"; readonly body: Buffer; readonly from: "child" | "proxy" }
  | { readonly kind: "stream"; readonly stream: ClientStream }
  | { readonly kind: "none" };

/**
 * One POST's requests and how they are answered. It is undecided until either its only answer is there, which is then the
 * whole body, or anything else is to be sent or its patience ends, which opens an event stream; it is over when nothing
 * is owed any more. One whose client takes no stream is undecided until its last answer is there: they are gathered, however
 * long that takes, and nothing else comes with them.
 */
export interface PostExchange {
  readonly owed: Set<IdKey>;
  readonly number: number;
  /** The answers so far, of one whose client takes no stream; undefined: it takes one. */
  readonly gathered: Buffer[] | undefined;
  readonly since: number;
  /** Set until it is decided how to answer. */
  decide: ((reply: Reply) => void) | undefined;
  stream: ResumableStream | undefined;
}

/** The POSTs of one Streamable HTTP session that wait for answers. */
export interface PostExchanges {
  readonly expect: (ids: readonly IdKey[], types: AnswerTypes) => Promise<Reply>;
  /** The exchange that a request belongs to. */
  readonly of: (id: IdKey) => PostExchange | undefined;
  /** Those that other messages than their answers may come with, the one that has waited longest first. */
  readonly listening: () => readonly PostExchange[];
  /** Turns a waiting POST into an event stream. */
  readonly openStream: (exchange: PostExchange) => ResumableStream;
  /** One of its requests is over. `line`: its answer; undefined: there will be none. The promise is pending while the client is slow. */
  readonly settle: (
    exchange: PostExchange,
    id: IdKey,
    line: Buffer | undefined,
    from: "child" | "proxy",
  ) => Promise<void> | undefined;
  readonly size: () => number;
  /** Opens the streams of those whose patience is over. */
  readonly check: (now: number) => void;
  readonly nextCheck: () => number;
}

/** @param streams the session's streams; that of number 0 belongs to no POST. */
export function createPostExchanges(streams: SessionStreams): PostExchanges {
  const exchanges = new Map<IdKey, PostExchange>();
  /** Not yet decided, in the order of arrival: the first is the one that has waited longest. */
  const undecided = new Set<PostExchange>();
  let count = 0;

  const openStream = (exchange: PostExchange): ResumableStream => {
    if (exchange.stream !== undefined) return exchange.stream;
    const stream = streams.open(exchange.number);
    exchange.stream = stream;
    const connection = stream.connect(undefined);
    undecided.delete(exchange);
    if (typeof connection === "object") exchange.decide?.({ kind: "stream", stream: connection });
    exchange.decide = undefined;
    return stream;
  };

  return {
    expect: (ids, types) => {
      const { promise, resolve } = Promise.withResolvers<Reply>();
      const exchange: PostExchange = {
        owed: new Set(ids),
        number: ++count,
        gathered: types.stream ? undefined : [],
        since: performance.now(),
        decide: resolve,
        stream: undefined,
      };
      for (const id of ids) exchanges.set(id, exchange);
      if (types.stream) undecided.add(exchange);
      return promise;
    },
    of: (id) => exchanges.get(id),
    listening: () => [...new Set(exchanges.values())].filter(({ gathered }) => gathered === undefined),
    openStream,
    settle: (exchange, id, line, from) => {
      exchanges.delete(id);
      exchange.owed.delete(id);
      const isLast = exchange.owed.size === 0;
      if (exchange.gathered !== undefined) {
        if (line !== undefined) exchange.gathered.push(line);
        if (isLast) exchange.decide?.(gatheredReply(exchange.gathered, from));
        return undefined;
      }
      if (exchange.stream === undefined && isLast && line !== undefined) {
        undecided.delete(exchange);
        exchange.decide?.({ kind: "json", body: line, from });
        exchange.decide = undefined;
        return undefined;
      }
      const stream = openStream(exchange);
      const sent = line === undefined ? undefined : stream.send(line);
      if (isLast) streams.end(stream);
      return sent;
    },
    size: () => exchanges.size,
    check: (now) => {
      for (const exchange of undecided) {
        if (now - exchange.since < PATIENCE_MS) break;
        openStream(exchange);
      }
    },
    nextCheck: () => {
      const [oldest] = undecided;
      return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.since + PATIENCE_MS;
    },
  };
}

/** One answer is the whole body; those of a batch are an array (JSON-RPC 2.0, section 6). */
function gatheredReply(answers: readonly Buffer[], from: "child" | "proxy"): Reply {
  const [first] = answers;
  if (first === undefined) return { kind: "none" };
  if (answers.length === 1) return { kind: "json", body: first, from };
  const body = Buffer.from(`[${answers.map((answer) => answer.toString()).join(",")}]`);
  return { kind: "json", body, from };
}
