import { messageFrame, primingFrame } from "../../wire/event-stream.ts";
import { type ClientStream, createClientStream } from "../client-stream.ts";
import type { History } from "../history.ts";
import type { KeepAlive } from "../keep-alive.ts";

/** After a connection is lost or closed, a client is asked to come back in so many milliseconds. */
const RETRY_MS = 1_000;

const OPENING = Buffer.from(": stream open\n\n");

export interface ResumableStreamOptions {
  /** Number of the stream within its session. */
  readonly number: number;
  /** Makes its event ids ones of this session and no other. */
  readonly tag: string;
  readonly history: History;
  /** Whether clients may be given an event without a message. */
  readonly primes: () => boolean;
  readonly stalledWriteMs: number;
  readonly keepAlive: KeepAlive;
}

/** A stream of events that outlives its connections: a client that lost one comes back and gets what it missed. */
export interface ResumableStream {
  readonly number: number;
  /** Sends a message, or keeps it for when the client comes back. The promise is pending while the client is slow. */
  readonly send: (line: Buffer) => Promise<void> | undefined;
  /**
   * Connects a client: one that has seen events up to `lastSequence`, or one that sees the stream for the first time and
   * gets what nobody has seen. An older connection is closed. "gap": something that it missed is forgotten. "over": the
   * stream has ended, and it has seen all of it.
   */
  readonly connect: (lastSequence: number | undefined) => ClientStream | "gap" | "over";
  /** The connection, if there is one; identity tells a late farewell from its successor. */
  readonly connection: () => ClientStream | undefined;
  readonly disconnect: (connection: ClientStream) => void;
  readonly lastSequence: () => number;
  /** Keeps the connection alive, or cuts it when its client takes nothing: that one may come back for the rest. */
  readonly check: (now: number) => void;
  /** When `check` wants to be called next, or Infinity. */
  readonly nextCheck: (now: number) => number;
  /** Nothing more will be sent. */
  readonly end: () => void;
  readonly cut: () => void;
}

export function createResumableStream(options: ResumableStreamOptions): ResumableStream {
  const { number, tag, history, primes, stalledWriteMs, keepAlive } = options;
  let sequence = 0;
  let seen = 0;
  let ended = false;
  let connection: ClientStream | undefined;

  const eventId = () => `${tag}-${number}-${sequence}`;

  const remember = (frame: Buffer): Buffer => {
    history.add(number, sequence, frame);
    return frame;
  };

  const end = () => {
    ended = true;
    connection?.end();
    connection = undefined;
  };

  return {
    number,
    send: (line) => {
      sequence++;
      const frame = remember(messageFrame(line, eventId()));
      if (connection === undefined) return undefined;
      seen = sequence;
      return connection.write(frame);
    },
    connect: (lastSequence) => {
      const from = lastSequence ?? seen;
      const known = history.after(number, from, sequence);
      // One that was never here has missed nothing that it could know of: it gets what is left.
      if (known === "gap" && lastSequence !== undefined) return "gap";
      const missed = known === "gap" ? history.remaining(number, from) : known;
      if (ended && missed.length === 0 && lastSequence !== undefined) return "over";
      let first: Buffer = OPENING;
      if (lastSequence === undefined && missed.length === 0 && primes()) {
        sequence++;
        first = remember(primingFrame(eventId(), RETRY_MS));
      }
      seen = sequence;
      const stream = createClientStream({ first: Buffer.concat([first, ...missed]), stalledWriteMs });
      connection?.end();
      connection = stream;
      if (ended) end();
      return stream;
    },
    connection: () => connection,
    disconnect: (gone) => {
      if (connection === gone) connection = undefined;
    },
    lastSequence: () => sequence,
    check: (now) => {
      if (connection === undefined) return;
      if (keepAlive.check(connection, now) === "stalled") connection.cut();
      if (!connection.isOpen()) connection = undefined;
    },
    nextCheck: (now) => (connection === undefined ? Number.POSITIVE_INFINITY : keepAlive.next(connection, now)),
    end,
    cut: () => {
      connection?.cut();
      connection = undefined;
    },
  };
}
