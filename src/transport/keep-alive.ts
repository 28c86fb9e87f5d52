import { HEARTBEAT } from "../wire/event-stream.ts";
import type { ClientStream } from "./client-stream.ts";

export interface KeepAliveOptions {
  /** A comment goes out after so long without an event, in milliseconds; 0: none. */
  readonly heartbeatMs: number;
  /** A client that takes nothing for so long while something waits for it is gone, in milliseconds; 0: it may take for ever. */
  readonly stalledWriteMs: number;
}

/** What keeps the stream of a quiet client open, and tells it from one that is gone: the same for all transports. */
export interface KeepAlive {
  /**
   * Writes a heartbeat to a stream that has been quiet for long. None is queued behind what a slow client has not taken: it
   * would be one more for each time that somebody looks. "stalled": the client takes nothing any more, and its stream is to be cut.
   */
  readonly check: (stream: ClientStream, now: number) => "ok" | "stalled";
  /** When to look at the stream next, in milliseconds of `performance.now()`; always after `now`. Infinity: never. */
  readonly next: (stream: ClientStream, now: number) => number;
}

export function createKeepAlive({ heartbeatMs, stalledWriteMs }: KeepAliveOptions): KeepAlive {
  const untilGone = stalledWriteMs > 0 ? stalledWriteMs : Number.POSITIVE_INFINITY;
  const untilQuiet = heartbeatMs > 0 ? heartbeatMs : Number.POSITIVE_INFINITY;
  return {
    check: (stream, now) => {
      const stalledSince = stream.stalledSince();
      if (stalledSince !== undefined) return now - stalledSince >= untilGone ? "stalled" : "ok";
      if (now - stream.lastWriteAt() >= untilQuiet) void stream.write(HEARTBEAT);
      return "ok";
    },
    next: (stream, now) => {
      const stalledSince = stream.stalledSince();
      // One that reads on wants its heartbeats again. And without heartbeats, somebody has to notice who takes nothing.
      const later = now + Math.min(untilQuiet, untilGone);
      if (stalledSince !== undefined) return Math.max(now + 1, Math.min(stalledSince + untilGone, later));
      return heartbeatMs > 0 ? Math.max(now + 1, stream.lastWriteAt() + heartbeatMs) : later;
    },
  };
}
