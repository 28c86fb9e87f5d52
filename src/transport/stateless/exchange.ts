import { ERRORS, type ErrorCode, ProxyError } from "../../base/errors.ts";
import { createWatch } from "../../base/watch.ts";
import type { StatelessSink } from "../../stateless/sink.ts";
import { messageFrames } from "../../wire/event-stream.ts";
import { errorAnswer } from "../../wire/message.ts";
import { type ClientStream, createClientStream } from "../client-stream.ts";
import { createKeepAlive, type KeepAliveOptions } from "../keep-alive.ts";

/** A request that a child has and does not answer by then gets an event stream, on which notifications and comments are possible. */
const PATIENCE_MS = 250;

/** While its child is being started, a request may be refused with a status of its own for a little longer. Hops want a first byte soon after. */
const START_PATIENCE_MS = 1_800;

/** What may wait for a client before it counts as slow: a burst, or what is said before the stream has reached its socket, is no fault of its own. */
const SLACK_BYTES = 64 * 1024;

const OPENING = Buffer.from(": stream open\n\n");

/** How a request is answered: by its answer alone, or on an event stream. */
export type StatelessReply =
  | { readonly kind: "json"; readonly body: Buffer }
  | { readonly kind: "stream"; readonly body: ReadableStream<Uint8Array> };

export interface ExchangeOptions extends KeepAliveOptions {
  /** JSON text of the request's id. */
  readonly rawId: string;
  /** Aborted when the client has closed its connection. */
  readonly signal: AbortSignal;
  /** Whether the client takes an event stream. One that does not gets its answer alone, however long it takes. */
  readonly takesStream: boolean;
}

/** One stateless request and its answer (2026-07-28, basic/transports/streamable-http, "Receiving Messages"). */
export interface Exchange {
  readonly sink: StatelessSink;
  /** Settles when it is decided how to answer. Rejects with the ProxyError that is the answer, or with the reason of `signal`. */
  readonly reply: Promise<StatelessReply>;
  /** Aborted when there will be no answer because nobody takes it: the client has left or stalls, or the sink was cut. */
  readonly left: AbortSignal;
}

interface OpenExchange {
  readonly check: (now: number) => number;
}

/** Makes exchanges; one timer serves all that are open. */
export function createExchanges(): (options: ExchangeOptions) => Exchange {
  const open = new Set<OpenExchange>();
  const watch = createWatch((now) => {
    let next = Number.POSITIVE_INFINITY;
    for (const exchange of open) next = Math.min(next, exchange.check(now));
    return next;
  });

  return ({ rawId, heartbeatMs, stalledWriteMs, signal, takesStream }) => {
    const keepAlive = createKeepAlive({ heartbeatMs, stalledWriteMs });
    const { promise: reply, resolve, reject } = Promise.withResolvers<StatelessReply>();
    let stream: ClientStream | undefined;
    let isOver = false;
    let undecidedUntil = takesStream ? performance.now() + START_PATIENCE_MS : Number.POSITIVE_INFINITY;
    let waitingBytes = 0;
    const gone = new AbortController();

    const openStream = (): ClientStream => {
      if (stream !== undefined) return stream;
      stream = createClientStream({ first: OPENING, stalledWriteMs });
      undecidedUntil = Number.POSITIVE_INFINITY;
      resolve({ kind: "stream", body: stream.body });
      watch.expect(onBeat(keepAlive.next(stream, performance.now()), heartbeatMs));
      return stream;
    };

    const write = (bytes: Buffer): Promise<void> | undefined => {
      const written = openStream().write(bytes);
      if (written === undefined) return undefined;
      waitingBytes += bytes.length;
      if (stalledWriteMs > 0) watch.expect(performance.now() + stalledWriteMs);
      return written.then(() => {
        waitingBytes -= bytes.length;
      });
    };

    const end = () => {
      isOver = true;
      open.delete(exchange);
      signal.removeEventListener("abort", onLeft);
    };

    /** The runtime says nothing of a stream that it was told to close: whoever works for the client is told here. */
    const abandon = (reason: unknown) => {
      if (isOver) return;
      end();
      if (stream === undefined) reject(reason);
      else stream.cut();
      gone.abort();
    };

    const onLeft = () => abandon(signal.reason);

    const exchange: OpenExchange = {
      check: (now) => {
        if (stream === undefined) {
          if (undecidedUntil > now) return undecidedUntil;
          openStream();
        }
        if (stream === undefined) return Number.POSITIVE_INFINITY;
        if (keepAlive.check(stream, now) === "stalled") {
          abandon(undefined);
          return Number.POSITIVE_INFINITY;
        }
        return onBeat(keepAlive.next(stream, now), heartbeatMs);
      },
    };
    open.add(exchange);
    watch.expect(undecidedUntil);
    if (signal.aborted) onLeft();
    else signal.addEventListener("abort", onLeft, { once: true });

    const sink: StatelessSink = {
      begin: () => {
        if (stream !== undefined || !takesStream) return;
        undecidedUntil = performance.now() + PATIENCE_MS;
        watch.expect(undecidedUntil);
      },
      notify: (line) => (isOver || !takesStream ? undefined : write(messageFrames([line]))),
      isSlow: () => waitingBytes > SLACK_BYTES,
      answer: (line) => {
        if (isOver) return;
        end();
        if (stream === undefined) {
          resolve({ kind: "json", body: line });
          return;
        }
        void stream.write(messageFrames([line]));
        stream.end();
      },
      fail: (error) => {
        if (isOver) return;
        end();
        if (stream === undefined) {
          reject(error);
          return;
        }
        void stream.write(messageFrames([Buffer.from(failureLine(rawId, error))]));
        stream.end();
      },
      cut: () => abandon(new ProxyError("child_exited")),
    };
    return { sink, reply, left: gone.signal };
  };
}

function failureLine(rawId: string, { code, message, data }: ProxyError): string {
  const known: ErrorCode = code;
  return errorAnswer(rawId, ERRORS[known].rpc, message, { code, ...data });
}

/** The next of ten times within a heartbeat at which all streams are looked at: each by itself would look at all the others. */
function onBeat(due: number, heartbeatMs: number): number {
  if (heartbeatMs === 0) return due;
  const step = heartbeatMs / 10;
  return Math.ceil(due / step) * step;
}
