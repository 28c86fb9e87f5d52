import { once, runLoad } from "./load.ts";
import { BIG_BYTES, CALLS, INITIALIZE, INITIALIZED } from "./messages.ts";
import type { OpenOrder, Order, Replies, Reply } from "./orders.ts";
import type { Lane, Session, Target } from "./protocol.ts";
import { PROTOCOLS } from "./protocols.ts";

/** Handshakes at a time while many sessions are opened. */
const OPENING_AT_ONCE = 8;

/** A session that is open for load, with its lanes. */
interface Open {
  readonly session: Session;
  readonly lanes: readonly Lane[];
}

/**
 * The client side of the benchmark, in a process of its own so that nothing but the gateway's work runs beside it: raw TCP,
 * requests serialised once, answers found by scanning bytes. It obeys the orders that come over IPC, one at a time.
 */
class Driver {
  readonly #target: Target;
  readonly #open: Open[] = [];
  #lanes = 0;
  #broken = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  obey(order: Order): Promise<Replies[Order["kind"]]> {
    switch (order.kind) {
      case "open":
        return this.#openUntil(order, performance.now() + order.limitMs);
      case "load":
        return this.#load(order.call, order.lanes, order.ms);
      case "close":
        return this.#close();
      case "connect":
        return this.#connect(order.times);
      case "calls":
        return this.#calls(order.call, order.times);
      case "alive":
        return Promise.resolve({ alive: this.#open.length - this.#broken });
    }
  }

  async #openUntil(order: OpenOrder, deadline: number): Promise<Replies["open"]> {
    const missing = { count: order.sessions - this.#open.length };
    const openers = Array.from({ length: OPENING_AT_ONCE }, async () => {
      while (missing.count > 0 && performance.now() < deadline) {
        missing.count -= 1;
        this.#open.push(await this.#openOne(order));
      }
    });
    await Promise.all(openers);
    return { opened: this.#open.length };
  }

  async #openOne({ lanes, call }: OpenOrder): Promise<Open> {
    const session = await PROTOCOLS[this.#target.protocol].open(this.#target);
    session.broken.catch(() => {
      this.#broken += 1;
    });
    const first = await this.#initialize(session);
    if (call !== undefined) await once(session, first, CALLS[call], "exchange");
    if (lanes === 0) first.close();
    const more = await Promise.all(Array.from({ length: Math.max(0, lanes - 1) }, () => session.lane(this.#lanes++)));
    return { session, lanes: [first, ...more] };
  }

  async #initialize(session: Session): Promise<Lane> {
    const lane = await session.lane(this.#lanes++);
    await once(session, lane, INITIALIZE, "exchange");
    await once(session, lane, INITIALIZED, "notify");
    return lane;
  }

  async #load(call: keyof typeof CALLS, lanes: number, ms: number): Promise<Replies["load"]> {
    const busy = this.#open.flatMap((open) => open.lanes.slice(0, lanes));
    if (busy.length === 0) throw new Error("no session is open");
    await Promise.all(busy.map((lane) => lane.renew()));
    const leastBytes = call === "big" ? BIG_BYTES : 0;
    const figures = runLoad({ lanes: busy, message: CALLS[call], ms, leastBytes, pid: this.#target.pid });
    return Promise.race([figures, ...this.#open.map((open) => open.session.broken)]);
  }

  async #close(): Promise<null> {
    for (const { session } of this.#open.splice(0)) session.close();
    this.#broken = 0;
    return null;
  }

  async #connect(times: number): Promise<Replies["connect"]> {
    const tookMs: number[] = [];
    while (tookMs.length < times) {
      const start = Bun.nanoseconds();
      const session = await PROTOCOLS[this.#target.protocol].open(this.#target);
      const lane = await session.lane(this.#lanes++);
      await once(session, lane, INITIALIZE, "exchange");
      tookMs.push((lane.answeredNs - start) / 1e6);
      session.close();
    }
    return tookMs;
  }

  async #calls(call: keyof typeof CALLS, times: number): Promise<Replies["calls"]> {
    const session = await PROTOCOLS[this.#target.protocol].open(this.#target);
    try {
      const lane = await session.lane(this.#lanes++);
      const tookMs: number[] = [];
      while (tookMs.length < times) {
        const start = Bun.nanoseconds();
        await once(session, lane, CALLS[call], "exchange");
        tookMs.push((lane.answeredNs - start) / 1e6);
      }
      return tookMs;
    } finally {
      session.close();
    }
  }
}

const driver = new Driver(JSON.parse(process.argv[2] ?? ""));
process.on("message", (order: Order) => {
  const reply = (message: Reply): void => void process.send?.(message);
  driver.obey(order).then(
    (value) => reply({ value }),
    (error: unknown) => reply({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
