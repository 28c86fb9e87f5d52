import { type Driver, startDriver } from "../driver/driver-process.ts";
import type { ProtocolName } from "../driver/protocol.ts";
import { type Running, startGateway } from "../gateways/gateway-process.ts";
import type { GatewayName, StdioServer } from "../gateways/gateways.ts";
import type { FigureKey } from "../report/figures.ts";
import { Results } from "../report/results.ts";

export interface StageOptions {
  /** What the gateways serve on this stage, and what they are driven by. */
  readonly protocol: ProtocolName;
  /** Path of our executable. */
  readonly proxy: string;
}

/** A gateway that is up, with a driver of its own. */
export interface Contestant {
  readonly running: Running;
  readonly driver: Driver;
}

/** Starts gateways, sees that all of them end, and keeps what is found of them. */
export class Stage {
  readonly protocol: ProtocolName;
  readonly results = new Results();
  /** Gateways that left processes behind when they ended, with how many. */
  readonly leftBehind = new Map<GatewayName, number>();
  readonly #proxy: string;
  readonly #up = new Set<Contestant>();
  readonly #starting = new Set<Promise<Contestant>>();
  #closed = false;

  constructor({ protocol, proxy }: StageOptions) {
    this.protocol = protocol;
    this.#proxy = proxy;
  }

  async start(name: GatewayName, server: StdioServer): Promise<Contestant> {
    if (this.#closed) throw new Error("the benchmark is ending");
    const starting = this.#start(name, server);
    this.#starting.add(starting);
    try {
      return await starting;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #start(name: GatewayName, server: StdioServer): Promise<Contestant> {
    const running = await startGateway(name, { protocol: this.protocol, server, proxy: this.#proxy });
    const contestant = { running, driver: startDriver(running.target) };
    this.#up.add(contestant);
    return contestant;
  }

  async stop(contestant: Contestant): Promise<void> {
    if (!this.#up.delete(contestant)) return;
    await contestant.driver.stop();
    const left = await contestant.running.stop();
    const { name } = contestant.running;
    if (left > 0) this.leftBehind.set(name, (this.leftBehind.get(name) ?? 0) + left);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#up].map((contestant) => this.stop(contestant)));
  }

  /** Ends everything, what is just starting included, and lets nothing start any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    await this.stopAll();
  }

  /** Runs a piece of the benchmark; when it fails, the figures that it was for are absent for the reason it gives. */
  async attempt<T>(name: GatewayName, keys: readonly FigureKey[], piece: () => Promise<T>): Promise<T | undefined> {
    try {
      return await piece();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const key of keys) this.results.absent(name, key, reason);
      return undefined;
    }
  }
}
