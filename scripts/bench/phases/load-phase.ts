import { join } from "node:path";
import type { CallName } from "../driver/messages.ts";
import type { Load } from "../driver/orders.ts";
import type { GatewayName } from "../gateways/gateways.ts";
import type { FigureKey } from "../report/figures.ts";
import type { Contestant, Stage } from "./stage.ts";

/** One kind of load, and the figures that it yields. */
export interface LoadKind {
  readonly call: CallName;
  readonly lanes: number;
  readonly figures: Partial<Record<FigureKey, (load: Load) => number>>;
}

/** A set of loads on sessions that stay open from the first to the last round. */
export interface LoadPhase {
  readonly sessions: number;
  readonly kinds: readonly LoadKind[];
}

export interface LoadTimes {
  readonly rounds: number;
  /** Of each round, and of the one before them that does not count. */
  readonly roundMs: number;
  /** How long the first kind of all is kept up before anything counts: V8 takes two seconds to compile a gateway on Node. */
  readonly warmUpMs: number;
}

const rate = (load: Load): number => load.messages / load.seconds;
const cpuUs = (load: Load): number => (load.cpuSeconds / load.messages) * 1e6;

const PHASES: readonly LoadPhase[] = [
  {
    sessions: 1,
    kinds: [
      { call: "echo", lanes: 32, figures: { oneRate: rate, oneCpu: cpuUs } },
      { call: "echo", lanes: 1, figures: { sequentialP50: (load) => load.p50Us, sequentialP99: (load) => load.p99Us } },
      { call: "big", lanes: 4, figures: { bigRate: rate, bigCpu: cpuUs } },
    ],
  },
  { sessions: 50, kinds: [{ call: "echo", lanes: 4, figures: { manyRate: rate, manyCpu: cpuUs } }] },
];

const SERVER = { command: [process.execPath, join(import.meta.dir, "..", "gateways", "child.ts")] };
const OPEN_LIMIT_MS = 30_000;

/**
 * Runs the rounds of all gateways in turn, so that whatever else this machine is doing falls on all of them. All are up
 * throughout: one that is not asked anything costs nothing.
 */
export async function runLoadPhases(stage: Stage, names: readonly GatewayName[], times: LoadTimes): Promise<void> {
  const { rounds, roundMs, warmUpMs } = times;
  const contestants = new Map<GatewayName, Contestant>();
  /** A gateway that failed is of no use for what was to come either. */
  const withdraw = async (name: GatewayName, reason: string): Promise<void> => {
    for (const key of PHASES.flatMap(({ kinds }) => kinds).flatMap(figureKeys)) {
      if (stage.results.samples(name, key).length < rounds) stage.results.absent(name, key, reason);
    }
    const contestant = contestants.get(name);
    contestants.delete(name);
    if (contestant !== undefined) await stage.stop(contestant);
  };
  const attempt = async (name: GatewayName, piece: () => Promise<void>): Promise<void> => {
    try {
      await piece();
    } catch (error) {
      await withdraw(name, error instanceof Error ? error.message : String(error));
    }
  };
  const run = async (kind: LoadKind, ms: number, counts: boolean): Promise<void> => {
    const { call, lanes, figures } = kind;
    for (const [name, { driver }] of contestants) {
      await attempt(name, async () => {
        const load = await driver.order({ kind: "load", call, lanes, ms });
        for (const key of counts ? figureKeys(kind) : []) {
          const figure = figures[key];
          if (figure !== undefined) stage.results.add(name, key, figure(load));
        }
      });
    }
  };
  const open = async ({ sessions, kinds }: LoadPhase): Promise<void> => {
    const lanes = Math.max(...kinds.map((kind) => kind.lanes));
    for (const [name, { driver }] of contestants) {
      await attempt(name, async () => {
        await driver.order({ kind: "close" });
        const { opened } = await driver.order({ kind: "open", sessions, lanes, limitMs: OPEN_LIMIT_MS });
        if (opened < sessions) throw new Error(`only ${opened} of ${sessions} sessions were open in time`);
      });
    }
  };
  for (const name of names)
    await attempt(name, async () => void contestants.set(name, await stage.start(name, SERVER)));
  for (const phase of PHASES) {
    await open(phase);
    for (const kind of phase.kinds) {
      const isFirst = kind === PHASES[0]?.kinds[0];
      await run(kind, isFirst ? warmUpMs : roundMs, false);
    }
    for (let round = 0; round < rounds; round++) {
      for (const kind of phase.kinds) await run(kind, roundMs, true);
    }
  }
  await stage.stopAll();
}

function figureKeys(kind: LoadKind): FigureKey[] {
  return Object.keys(kind.figures) as FigureKey[];
}
