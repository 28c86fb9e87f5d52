import { within } from "./eventually.ts";

/** A bare TCP connection, for what no HTTP library would send. */
export interface RawConnection {
  readonly send: (bytes: string | Uint8Array) => void;
  /** All that came so far, one character per byte. */
  readonly received: () => string;
  readonly receivedBytes: () => number;
  /** Resolves once what came so far fits; rejects after `WAIT_MS`, or when the connection closes before. */
  readonly until: (what: string, fits: (received: string) => boolean) => Promise<string>;
  /** Stops reading, as a client does that is too slow; the kernel's buffers fill, then the other side's writes block. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Sends FIN and reads on. */
  readonly end: () => void;
  /** Drops the connection at once. */
  readonly destroy: () => void;
  /** Resolves when it is closed, by whichever side. */
  readonly closed: Promise<void>;
}

/** Connects to a port on 127.0.0.1. */
export async function connectRaw(port: number): Promise<RawConnection> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let open = true;
  const looks = new Set<() => void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      data(_, chunk) {
        chunks.push(Buffer.from(chunk));
        bytes += chunk.length;
        for (const look of [...looks]) look();
      },
      end(self) {
        self.end();
      },
      error() {},
      close() {
        open = false;
        close();
        for (const look of [...looks]) look();
      },
    },
  });
  const received = (): string => Buffer.concat(chunks).toString("latin1");

  const until: RawConnection["until"] = async (what, fits) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (): void => {
      const text = received();
      if (fits(text)) resolve(text);
      else if (!open) reject(new Error(`closed before ${what}: ${JSON.stringify(text.slice(0, 500))}`));
    };
    looks.add(look);
    look();
    try {
      return await within(what, promise);
    } finally {
      looks.delete(look);
    }
  };

  return {
    send: (data) => {
      socket.write(data);
    },
    received,
    receivedBytes: () => bytes,
    until,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.end(),
    destroy: () => socket.terminate(),
    closed,
  };
}

/** Sends these bytes and returns all that comes back until the other side closes, which it must do within `WAIT_MS`. */
export async function rawHttp(port: number, request: string | Uint8Array): Promise<string> {
  const connection = await connectRaw(port);
  try {
    connection.send(request);
    await within("the connection to be closed", connection.closed);
    return connection.received();
  } finally {
    connection.destroy();
  }
}

/** The text of a request with these header lines; Host and Content-Length are the caller's to give. */
export function requestText(start: string, headers: readonly string[], body = ""): string {
  return `${[start, ...headers].join("\r\n")}\r\n\r\n${body}`;
}

/** The status codes of the answers in what came back, in order. An answer follows the body before it without a line end. */
export function statuses(received: string): readonly number[] {
  return [...received.matchAll(/HTTP\/1\.[01] (\d{3}) [A-Z]/g)].map((match) => Number(match[1]));
}
