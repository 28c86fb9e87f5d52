import type { OutgoingMessage, SessionOutput } from "../../session/output.ts";
import { eventFrame, messageFrames, numberedMessageFrames } from "../../wire/event-stream.ts";
import { type ClientStream, createClientStream } from "../client-stream.ts";
import type { History } from "../history.ts";
import { createKeepAlive, type KeepAliveOptions } from "../keep-alive.ts";

/** Of the events that are remembered, so many are kept for what a client that is away misses; the rest, it may have seen. */
const AWAY_EVENTS = 512;

/** The one stream of a session, in its history. */
const STREAM = 0;

/** What lets a client come back to its session after its connection was cut. */
export interface Return {
  /** Names the session in event ids: unguessable, and not to be turned into the session's id. */
  readonly handle: string;
  /** So long a client may be away, in milliseconds. */
  readonly reconnectMs: number;
  readonly history: History;
  /** What is kept for a client that is away, in bytes; beyond, the child waits. 0: no bound. */
  readonly awayBytes: number;
}

export interface EventStreamOutputOptions extends KeepAliveOptions {
  /** The URL for messages, as the first event of every connection says it. */
  readonly endpoint: string;
  /** undefined: the client cannot come back. */
  readonly return: Return | undefined;
}

/** A session's one event stream to its client, of one connection after the other. */
export interface EventStreamOutput extends SessionOutput {
  /**
   * Connects the client: for the first time, or with what it missed after an event. The connection before it is cut, for the
   * newer one takes over. "gap": something that it missed is forgotten. "over": the session has ended. undefined: there was no
   * such event.
   */
  readonly connect: (lastSequence?: number) => ClientStream | "gap" | "over" | undefined;
  /** A connection was lost. @returns whether the client is away now: a late farewell of an older connection means nothing. */
  readonly disconnect: (connection: ClientStream) => boolean;
}

/**
 * Makes the output of a session that has one stream, as HTTP+SSE does: everything goes there, in order. While the client
 * is slow `deliver` is pending, and the child is not read: that bounds what one session can hold in memory.
 *
 * A client is here, with a connection; or away, since when is noted, and what is sent meanwhile is remembered; or the output is
 * over, for good. It comes back by `connect`, and is gone when it is away for too long.
 */
export function createEventStreamOutput(options: EventStreamOutputOptions): EventStreamOutput {
  const { stalledWriteMs, endpoint } = options;
  const back = options.return;
  const keepAlive = createKeepAlive(options);
  let connection: ClientStream | undefined;
  /** How the client went away, and when; of one that was never here, when it was expected. */
  let away: { readonly since: number; readonly end: "gone" | "stalled" } = { since: performance.now(), end: "gone" };
  let isOver = false;
  let sequence = 0;
  /** What was sent since the client went away. */
  let missedEvents = 0;
  let missedBytes = 0;
  let room = Promise.withResolvers<void>();

  /** Lets the child be read again. */
  const makeRoom = () => {
    missedEvents = 0;
    missedBytes = 0;
    room.resolve();
    room = Promise.withResolvers<void>();
  };

  const keepForReturn = (count: number, bytes: number): Promise<void> | undefined => {
    missedEvents += count;
    missedBytes += bytes;
    const { awayBytes } = back ?? { awayBytes: 0 };
    return missedEvents > AWAY_EVENTS || (awayBytes > 0 && missedBytes > awayBytes) ? room.promise : undefined;
  };

  const send = (lines: readonly Buffer[]): Promise<void> | undefined => {
    if (isOver) return undefined;
    if (back === undefined) return connection?.write(messageFrames(lines));
    const frames = numberedMessageFrames(lines, back.handle, sequence + 1);
    sequence += lines.length;
    back.history.add(STREAM, sequence, frames, lines.length);
    return connection === undefined ? keepForReturn(lines.length, frames.length) : connection.write(frames);
  };

  const goAway = (end: "gone" | "stalled") => {
    connection = undefined;
    away = { since: performance.now(), end };
  };

  const finish = (how: "end" | "cut") => {
    isOver = true;
    connection?.[how]();
    connection = undefined;
    back?.history.clear();
    makeRoom();
  };

  const lineOf = ({ line }: OutgoingMessage): Buffer => line;
  const isHere = () => connection?.isOpen() === true;

  return {
    connect: (lastSequence = 0) => {
      if (isOver) return "over";
      if (lastSequence > sequence) return undefined;
      const missed = back?.history.after(STREAM, lastSequence, sequence) ?? [];
      if (missed === "gap") return "gap";
      // Without an id: clients know from messages where they were, and the plainest ones look for these very bytes.
      const first = Buffer.concat([eventFrame("endpoint", endpoint), ...missed]);
      connection?.cut();
      connection = createClientStream({ first, stalledWriteMs });
      makeRoom();
      return connection;
    },
    disconnect: (lost) => {
      if (connection !== lost) return false;
      goAway("gone");
      return true;
    },
    deliver: (messages) => send(messages.map(lineOf)),
    answer: (_id, json) => void send([Buffer.from(json)]),
    separatesAnswers: false,
    abandon: () => undefined,
    isListening: isHere,
    patienceMs: Number.POSITIVE_INFINITY,
    isOpen: isHere,
    check: (now) => {
      if (connection === undefined) return now - away.since >= (back?.reconnectMs ?? 0) ? away.end : "ok";
      back?.history.expire(now);
      if (keepAlive.check(connection, now) === "ok") return "ok";
      if (back === undefined) return "stalled";
      connection.cut();
      goAway("stalled");
      return "ok";
    },
    nextCheck: () => {
      const now = performance.now();
      if (connection !== undefined) return keepAlive.next(connection, now);
      return Math.max(now + 1, away.since + (back?.reconnectMs ?? 0));
    },
    close: (farewell) => {
      if (farewell !== undefined) void connection?.write(eventFrame("error", farewell));
      finish("end");
    },
    cut: () => finish("cut"),
  };
}
