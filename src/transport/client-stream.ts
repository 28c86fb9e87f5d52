/** A write is given to the runtime in slices, so that a client that is slow but reads can be told from one that is gone. */
const SLICE_BYTES = 256 * 1024;

export interface ClientStreamOptions {
  /** Sent before all else. */
  readonly first: Buffer;
  /** After `end` a client that takes nothing of what is left for so long is cut off; 0: it may take for ever. */
  readonly stalledWriteMs: number;
}

/** One answer's body that is written to as fast as its client reads, and no faster. */
export interface ClientStream {
  readonly body: ReadableStream<Uint8Array>;
  /**
   * Writes after all that was written before. The promise is pending while the client is slow; undefined: it is not.
   * Writes after the end are dropped.
   */
  readonly write: (bytes: Buffer) => Promise<void> | undefined;
  /** Ends it when everything is written. May be called again. */
  readonly end: () => void;
  /** Cuts it off at once, connection and all: what the client has not taken is thrown away. */
  readonly cut: () => void;
  readonly isOpen: () => boolean;
  /** When something was given to it last, in milliseconds of `performance.now()`. */
  readonly lastWriteAt: () => number;
  /** Since when the client has taken nothing; undefined: nothing waits for it. */
  readonly stalledSince: () => number | undefined;
}

/** Makes a stream of Bun's direct kind: bytes go to the socket without a queue in between. */
export function createClientStream({ first, stalledWriteMs }: ClientStreamOptions): ClientStream {
  const { promise: opened, resolve: onOpened } = Promise.withResolvers<void>();
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  let controller: ReadableStreamDirectController | undefined;
  let isOpen = true;
  let isCut = false;
  let lastWriteAt = performance.now();
  let stalledSince: number | undefined;
  /** The last of the writes that have to wait for one another. */
  let waiting: Promise<void> | undefined;

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

  const writeSlice = (slice: Buffer): Promise<unknown> | undefined => {
    if (controller === undefined || isCut) return undefined;
    lastWriteAt = performance.now();
    // A client that is slow shows in either: a large write goes out at once, and nothing is left to flush (Bun 1.4.5).
    const written: unknown = controller.write(slice);
    const flushed: unknown = controller.flush();
    if (!(written instanceof Promise || flushed instanceof Promise)) return undefined;
    stalledSince ??= lastWriteAt;
    return Promise.all([written, flushed]).then(
      () => {
        stalledSince = undefined;
      },
      // The client is gone; the request's abort signal says so too, and ends the session.
      () => undefined,
    );
  };

  const writeSlices = async (bytes: Buffer): Promise<void> => {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) await writeSlice(bytes.subarray(at, at + SLICE_BYTES));
  };

  const writeNow = (bytes: Buffer): Promise<unknown> | undefined =>
    bytes.length <= SLICE_BYTES ? writeSlice(bytes) : writeSlices(bytes);

  const enqueue = (work: Promise<unknown>): Promise<void> => {
    const own = work.then(() => {
      if (waiting === own) waiting = undefined;
    });
    waiting = own;
    return own;
  };

  const close = () => {
    onClosed();
    onOpened();
  };

  const cut = () => {
    if (isCut) return;
    isOpen = false;
    isCut = true;
    // With an error, or Bun goes on trying to send what the client does not take.
    controller?.close(new Error("the stream was cut off"));
    close();
  };

  /** Nobody else looks at a stream that has ended: cuts it off when its client takes nothing. Gives what ends the watch. */
  const cutWithoutHeadway = (): (() => void) => {
    const endedAt = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      const left = (stalledSince ?? endedAt) + stalledWriteMs - performance.now();
      if (left > 0) timer = setTimeout(look, left);
      else cut();
    };
    look();
    return () => clearTimeout(timer);
  };

  return {
    body,
    write: (bytes) => {
      if (!isOpen) return undefined;
      lastWriteAt = performance.now();
      // Nothing may come between the slices of an earlier write.
      if (waiting !== undefined) return enqueue(waiting.then(() => writeNow(bytes)));
      if (controller === undefined) return enqueue(opened.then(() => writeNow(bytes)));
      const written = writeNow(bytes);
      return written === undefined ? undefined : enqueue(written);
    },
    end: () => {
      if (!isOpen) return;
      isOpen = false;
      const finish = () => {
        if (!isCut) controller?.end();
        close();
      };
      if (waiting === undefined) {
        finish();
        return;
      }
      const stopWatching = stalledWriteMs > 0 ? cutWithoutHeadway() : undefined;
      void waiting.then(() => {
        stopWatching?.();
        finish();
      });
    },
    cut,
    isOpen: () => isOpen,
    lastWriteAt: () => lastWriteAt,
    stalledSince: () => stalledSince,
  };
}
