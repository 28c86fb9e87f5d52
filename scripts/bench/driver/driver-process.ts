import { join } from "node:path";
import type { Order, Replies, Reply } from "./orders.ts";
import type { Target } from "./protocol.ts";

/** The benchmark's end of a driver. */
export interface Driver {
  /** Gives an order and waits for the reply. Throws what the driver reports, and when it is silent for `limitMs`; after that it is of no more use. */
  order<O extends Order>(order: O, limitMs?: number): Promise<Replies[O["kind"]]>;
  stop(): Promise<void>;
}

const ORDER_LIMIT_MS = 40_000;

/** Starts a driver process for a gateway. */
export function startDriver(target: Target): Driver {
  let waiting = Promise.withResolvers<Reply>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "driver.ts"), JSON.stringify(target)], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc: (message: Reply) => waiting.resolve(message),
    onExit: (_, code, signal) => waiting.resolve({ error: `the driver ended with ${code ?? signal}` }),
  });
  return {
    order: async <O extends Order>(order: O, limitMs = ORDER_LIMIT_MS) => {
      waiting = Promise.withResolvers();
      const late = setTimeout(() => waiting.resolve({ error: `no answer within ${limitMs} ms` }), limitMs);
      child.send(order);
      const reply = await waiting.promise;
      clearTimeout(late);
      if ("error" in reply) throw new Error(reply.error);
      // The driver answers each kind of order with its own kind of reply: orders.ts is what both ends are written to.
      return reply.value as Replies[O["kind"]];
    },
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
