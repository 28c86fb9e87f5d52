/** A client that reads steadily, but a little at a time. */
export interface SlowReader extends Disposable {
  readonly receivedBytes: () => number;
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<void>;
}

/** Sends a request to a port on 127.0.0.1 and reads its answer piece by piece, with a pause after each. */
export async function readSlowly(
  port: number,
  request: string,
  pauseMs: number,
  onPiece: (piece: Buffer) => void = () => undefined,
): Promise<SlowReader> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (self, piece) => {
        bytes += piece.length;
        onPiece(piece);
        self.pause();
        setTimeout(() => self.resume(), pauseMs);
      },
      error: () => undefined,
      close: () => resolve(),
    },
  });
  socket.write(request);
  return { receivedBytes: () => bytes, closed, [Symbol.dispose]: () => void socket.terminate() };
}
