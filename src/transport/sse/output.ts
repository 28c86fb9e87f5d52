import type { SessionOutput } from "../../session/output.ts";
import { eventFrame, HEARTBEAT, messageFrames } from "../../wire/event-stream.ts";
import { createClientStream } from "../client-stream.ts";

export interface EventStreamOutputOptions {
  /** A comment goes out after so long without an event; 0: none. */
  readonly heartbeatMs: number;
  /** A client that takes nothing for so long while something waits for it is gone; 0: it may take for ever. */
  readonly stalledWriteMs: number;
  /** Sent before all else. */
  readonly first: Buffer;
}

/** A session's one event stream to its client. */
export interface EventStreamOutput extends SessionOutput {
  readonly body: ReadableStream<Uint8Array>;
}

/**
 * Makes the output of a session that has one stream, as HTTP+SSE does: everything goes there, in order. While the client
 * is slow `deliver` is pending, and the child is not read: that bounds what one session can hold in memory.
 */
export function createEventStreamOutput(options: EventStreamOutputOptions): EventStreamOutput {
  const { heartbeatMs, stalledWriteMs, first } = options;
  const stream = createClientStream({ first, stalledWriteMs });
  return {
    body: stream.body,
    deliver: (messages) => stream.write(messageFrames(messages.map(({ line }) => line))),
    answer: (_id, json) => void stream.write(messageFrames([Buffer.from(json)])),
    abandon: () => undefined,
    patienceMs: Number.POSITIVE_INFINITY,
    isOpen: stream.isOpen,
    check: (now) => {
      const stalledSince = stream.stalledSince();
      if (stalledSince !== undefined) {
        return stalledWriteMs > 0 && now - stalledSince >= stalledWriteMs ? "stalled" : "ok";
      }
      if (heartbeatMs > 0 && now - stream.lastWriteAt() >= heartbeatMs) void stream.write(HEARTBEAT);
      return "ok";
    },
    nextCheck: () => {
      const untilGone = stalledWriteMs > 0 ? stalledWriteMs : Number.POSITIVE_INFINITY;
      const stalledSince = stream.stalledSince();
      if (stalledSince !== undefined) return stalledSince + untilGone;
      // Without heartbeats somebody still has to notice a client that takes nothing.
      return heartbeatMs > 0 ? stream.lastWriteAt() + heartbeatMs : performance.now() + untilGone;
    },
    close: (farewell) => {
      if (farewell !== undefined) void stream.write(eventFrame("error", farewell));
      stream.end();
    },
    cut: stream.cut,
  };
}
