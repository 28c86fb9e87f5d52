import type { Socket } from "bun";

/** A TCP hop between a client and the proxy that can stop forwarding, as a network does that drops packets. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing is read from either side and nothing is closed: both ends see a connection that is merely quiet. */
  readonly freeze: () => void;
  /** Drops every connection at once, as a network does that changes; new ones are taken as before. */
  readonly cut: () => void;
}

interface Leg {
  other: Socket<Leg> | undefined;
  readonly early: Buffer[];
}

/** Starts a relay on a free port of 127.0.0.1 to another port there. */
export async function startRelay(target: number): Promise<Relay> {
  let frozen = false;
  const sockets = new Set<Socket<Leg>>();

  const handlers = {
    data(socket: Socket<Leg>, chunk: Buffer) {
      if (frozen) return;
      const { other, early } = socket.data;
      if (other === undefined) early.push(Buffer.from(chunk));
      else other.write(chunk);
    },
    close(socket: Socket<Leg>) {
      sockets.delete(socket);
      if (!frozen) socket.data.other?.end();
    },
    error() {},
  };

  const server = Bun.listen<Leg>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      ...handlers,
      async open(near) {
        near.data = { other: undefined, early: [] };
        sockets.add(near);
        const far = await Bun.connect<Leg>({
          hostname: "127.0.0.1",
          port: target,
          data: { other: near, early: [] },
          socket: handlers,
        });
        sockets.add(far);
        near.data.other = far;
        for (const chunk of near.data.early.splice(0)) far.write(chunk);
      },
    },
  });

  return {
    port: server.port,
    freeze: () => {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    cut: () => {
      for (const socket of [...sockets]) socket.terminate();
    },
    [Symbol.asyncDispose]: async () => {
      frozen = true;
      for (const socket of [...sockets]) socket.terminate();
      server.stop(true);
    },
  };
}
