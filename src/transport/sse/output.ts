import type { SessionOutput } from "../../session/output.ts";
import { eventFrame, messageFrames } from "../../wire/event-stream.ts";
import { createClientStream } from "../client-stream.ts";
import { createKeepAlive, type KeepAliveOptions } from "../keep-alive.ts";

export interface EventStreamOutputOptions extends KeepAliveOptions {
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
  const { stalledWriteMs, first } = options;
  const stream = createClientStream({ first, stalledWriteMs });
  const keepAlive = createKeepAlive(options);
  return {
    body: stream.body,
    deliver: (messages) => stream.write(messageFrames(messages.map(({ line }) => line))),
    answer: (_id, json) => void stream.write(messageFrames([Buffer.from(json)])),
    separatesAnswers: false,
    abandon: () => undefined,
    isListening: stream.isOpen,
    patienceMs: Number.POSITIVE_INFINITY,
    isOpen: stream.isOpen,
    check: (now) => keepAlive.check(stream, now),
    nextCheck: () => keepAlive.next(stream, performance.now()),
    close: (farewell) => {
      if (farewell !== undefined) void stream.write(eventFrame("error", farewell));
      stream.end();
    },
    cut: stream.cut,
  };
}
