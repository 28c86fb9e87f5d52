import { randomBytes } from "node:crypto";
import type { ClientStream } from "../client-stream.ts";
import { createHistory, type HistoryBudget } from "../history.ts";
import { createKeepAlive, type KeepAliveOptions } from "../keep-alive.ts";
import { createResumableStream, type ResumableStream } from "./resumable-stream.ts";

/** Events of one session that are remembered, and for how long. */
const HISTORY_EVENTS = 1_024;
const HISTORY_AGE_MS = 5 * 60_000;

/** Streams of one session that have ended and that a client may still come back to. */
const ENDED_STREAMS = 128;

export interface SessionStreamsOptions extends KeepAliveOptions {
  readonly budget: HistoryBudget;
  /** Bytes of history that one session may hold. */
  readonly historyBytes: number;
  /** Whether clients may be given an event without a message. */
  readonly primes: () => boolean;
}

/** The streams of one Streamable HTTP session that a client may be on, or come back to (MCP 2025-11-25, "Resumability and Redelivery"). */
export interface SessionStreams {
  readonly open: (number: number) => ResumableStream;
  /** Nothing more will be sent on it; its events are kept for a while. */
  readonly end: (stream: ResumableStream) => void;
  /** Finds the stream of an event's id. "forgotten": it was there once. undefined: the id is none of this session's. */
  readonly find: (
    eventId: string,
  ) => { readonly stream: ResumableStream; readonly sequence: number } | "forgotten" | undefined;
  readonly disconnect: (connection: ClientStream) => void;
  /** Whether a client is on any of them. */
  readonly isConnected: () => boolean;
  readonly check: (now: number) => void;
  /** When `check` wants to be called next, or Infinity. */
  readonly nextCheck: (now: number) => number;
  /** Ends or cuts all of them, and forgets their events. */
  readonly endAll: (how: "end" | "cut") => void;
}

export function createSessionStreams(options: SessionStreamsOptions): SessionStreams {
  const { budget, historyBytes, stalledWriteMs, primes } = options;
  const tag = randomBytes(6).toString("base64url").replaceAll("-", "_");
  const keepAlive = createKeepAlive(options);
  const history = createHistory({
    budget,
    maxEvents: HISTORY_EVENTS,
    maxBytes: historyBytes,
    maxAgeMs: HISTORY_AGE_MS,
  });
  const streams = new Map<number, ResumableStream>();
  /** When those ended that have, the first one first. */
  const endedAt = new Map<number, number>();
  let last = -1;

  const forget = (number: number) => {
    streams.delete(number);
    endedAt.delete(number);
  };

  return {
    open: (number) => {
      const stream = createResumableStream({ number, tag, history, primes, stalledWriteMs, keepAlive });
      streams.set(number, stream);
      last = Math.max(last, number);
      return stream;
    },
    end: (stream) => {
      stream.end();
      endedAt.set(stream.number, performance.now());
      const [oldest] = endedAt.keys();
      if (endedAt.size > ENDED_STREAMS && oldest !== undefined) forget(oldest);
    },
    find: (eventId) => {
      const [, idTag, number, sequence] = /^([\w]{1,16})-(\d{1,9})-(\d{1,9})$/.exec(eventId) ?? [];
      if (idTag !== tag || Number(number) > last) return undefined;
      const stream = streams.get(Number(number));
      if (stream === undefined) return "forgotten";
      return Number(sequence) > stream.lastSequence() ? undefined : { stream, sequence: Number(sequence) };
    },
    disconnect: (connection) => {
      for (const stream of streams.values()) stream.disconnect(connection);
    },
    isConnected: () => {
      for (const stream of streams.values()) if (stream.connection()?.isOpen() === true) return true;
      return false;
    },
    check: (now) => {
      history.expire(now);
      for (const stream of streams.values()) stream.check(now);
      for (const [number, at] of endedAt) {
        if (now - at < HISTORY_AGE_MS) break;
        forget(number);
      }
    },
    nextCheck: (now) => {
      let next = endedAt.size > 0 ? now + HISTORY_AGE_MS : Number.POSITIVE_INFINITY;
      for (const stream of streams.values()) next = Math.min(next, stream.nextCheck(now));
      return next;
    },
    endAll: (how) => {
      for (const stream of streams.values()) stream[how]();
      history.clear();
    },
  };
}
