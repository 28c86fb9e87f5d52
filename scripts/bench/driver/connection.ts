import type { Socket } from "bun";

/** What happens on a connection. */
export interface ConnectionEvents {
  /** Bytes that are valid only during the call. */
  read(bytes: Buffer): void;
  closed(cause: string): void;
}

/** A TCP connection that queues nothing but what the kernel would not take. */
export interface Connection {
  write(bytes: Buffer): void;
  close(): void;
}

/** Connects; `events.closed` is called once, also after `close()`. Throws when nobody listens. */
export async function connect(host: string, port: number, events: ConnectionEvents): Promise<Connection> {
  let unsent: Buffer | undefined;
  const send = (socket: Socket, bytes: Buffer): void => {
    const sent = Math.max(0, socket.write(bytes));
    unsent = sent < bytes.length ? Buffer.from(bytes.subarray(sent)) : undefined;
  };
  const socket = await Bun.connect({
    hostname: host,
    port,
    socket: {
      data: (_, bytes) => events.read(bytes),
      drain: (socket) => {
        if (unsent !== undefined) send(socket, unsent);
      },
      close: () => events.closed("the gateway closed the connection"),
      error: (_, error) => events.closed(error.message),
    },
  });
  socket.setNoDelay(true);
  return {
    write: (bytes) => {
      if (unsent === undefined) send(socket, bytes);
      else unsent = Buffer.concat([unsent, bytes]);
    },
    close: () => {
      socket.terminate();
    },
  };
}
