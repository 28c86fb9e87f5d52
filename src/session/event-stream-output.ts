import { eventFrame, HEARTBEAT, messageFrames } from "../wire/event-stream.ts";
import type { SessionOutput } from "./output.ts";

export interface EventStreamOutputOptions {
  /** A comment goes out after so long without an event; 0: none. */
  readonly heartbeatMs: number;
  /** A write that the client does not take for so long means that it is gone; 0: it may take for ever. */
  readonly stalledWriteMs: number;
  /** Sent before all else. */
  readonly first: Buffer;
}

/** A session's one event stream to its client. */
export interface EventStreamOutput extends SessionOutput {
  readonly body: ReadableStream<Uint8Array>;
}

/**
 * Makes an event stream that is written to as fast as its client reads, and not faster: `deliver` is pending while the
 * client's socket is full, and the child is not read in the meantime. That bounds what one session can hold in memory.
 */
export function createEventStreamOutput({
  heartbeatMs,
  stalledWriteMs,
  first,
}: EventStreamOutputOptions): EventStreamOutput {
  const { promise: opened, resolve: onOpened } = Promise.withResolvers<void>();
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  let controller: ReadableStreamDirectController | undefined;
  let open = true;
  let lastWriteAt = performance.now();
  let stalledSince: number | undefined;

  const body = new ReadableStream<Uint8Array>({
    type: "direct",
    pull: async (direct) => {
      controller = direct;
      direct.write(first);
      direct.flush();
      onOpened();
      // The stream lasts as long as this promise.
      await closed;
    },
  });

  /** Writes and gives a promise when the client is slow. Several may wait: the first unfinished one counts as stalled. */
  const write = (bytes: Buffer): Promise<void> | undefined => {
    if (!open || controller === undefined) return undefined;
    const now = performance.now();
    lastWriteAt = now;
    // A client that is slow shows in either: a large write goes out at once, and nothing is left to flush (Bun 1.4.5).
    const written: unknown = controller.write(bytes);
    const flushed: unknown = controller.flush();
    if (!(written instanceof Promise || flushed instanceof Promise)) return undefined;
    stalledSince ??= now;
    return Promise.all([written, flushed]).then(
      () => {
        stalledSince = undefined;
      },
      // The client is gone; the request's abort signal says so too, and ends the session.
      () => undefined,
    );
  };

  return {
    body,
    deliver: (messages) => {
      const frames = messageFrames(messages.map(({ line }) => line));
      return controller === undefined ? opened.then(() => write(frames)) : write(frames);
    },
    say: (json) => void write(messageFrames([Buffer.from(json)])),
    isOpen: () => open,
    check: (now) => {
      if (stalledSince !== undefined) {
        return stalledWriteMs > 0 && now - stalledSince >= stalledWriteMs ? "stalled" : "ok";
      }
      if (heartbeatMs > 0 && now - lastWriteAt >= heartbeatMs) write(HEARTBEAT);
      return "ok";
    },
    nextCheck: () => {
      const untilGone = stalledWriteMs > 0 ? stalledWriteMs : Number.POSITIVE_INFINITY;
      if (stalledSince !== undefined) return stalledSince + untilGone;
      // Without heartbeats somebody still has to notice a client that takes nothing.
      return heartbeatMs > 0 ? lastWriteAt + heartbeatMs : performance.now() + untilGone;
    },
    close: (farewell) => {
      if (!open) return;
      if (farewell !== undefined) write(eventFrame("error", farewell));
      open = false;
      controller?.end();
      onClosed();
      onOpened();
    },
  };
}
