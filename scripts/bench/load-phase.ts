import { join } from "node:path";
import type { FigureKey } from "./figures.ts";
import type { GatewayName } from "./gateways.ts";
import type { CallName } from "./messages.ts";
import type { Load } from "./orders.ts";
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
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
}

const rate = (load: Load): number => load.messages / load.seconds;
const cpuUs = (load: Load): number => (load.cpuSeconds / load.messages) * 1e6;

export const ONE_SESSION: readonly LoadKind[] = [
  { call: "echo", lanes: 32, figures: { oneRate: rate, oneCpu: cpuUs } },
  { call: "echo", lanes: 1, figures: { sequentialP50: (load) => load.p50Us, sequentialP99: (load) => load.p99Us } },
  { call: "big", lanes: 4, figures: { bigRate: rate, bigCpu: cpuUs } },
];

export const MANY_SESSIONS: readonly LoadKind[] = [
  { call: "echo", lanes: 4, figures: { manyRate: rate, manyCpu: cpuUs } },
];

const CHILD = [process.execPath, join(import.meta.dir, "child.ts")];
const OPEN_LIMIT_MS = 30_000;

/**
 * Runs the rounds of all gateways in turn, so that whatever else this machine is doing falls on all of them. All are up
 * throughout: one that is not asked anything costs nothing.
 */
export async function runLoadPhase(stage: Stage, names: readonly GatewayName[], phase: LoadPhase): Promise<void> {
  const contestants = new Map<GatewayName, Contestant>();
  const run = async (kind: LoadKind, ms: number, taken: boolean): Promise<void> => {
    for (const [name, contestant] of contestants) {
      const keys = figureKeys(kind);
      const load = await stage.attempt(name, keys, () =>
        contestant.driver.order({ kind: "load", call: kind.call, lanes: kind.lanes, ms }),
      );
      if (load === undefined) {
        // A session that broke is of no use for the kinds of load that were to come either.
        for (const key of phase.kinds.flatMap(figureKeys)) {
          const reason = stage.results.reason(name, keys[0] ?? key) ?? "failed";
          if (stage.results.samples(name, key).length < phase.rounds) stage.results.absent(name, key, reason);
        }
        contestants.delete(name);
        await stage.stop(contestant);
      } else if (taken) {
        for (const key of keys) {
          const figure = kind.figures[key];
          if (figure !== undefined) stage.results.add(name, key, figure(load));
        }
      }
    }
  };
  for (const name of names) {
    await stage.attempt(name, phase.kinds.flatMap(figureKeys), async () => {
      const contestant = await stage.start(name, CHILD);
      const lanes = Math.max(...phase.kinds.map((kind) => kind.lanes));
      const order = { kind: "open", sessions: phase.sessions, lanes, limitMs: OPEN_LIMIT_MS } as const;
      const { opened } = await contestant.driver.order(order);
      if (opened < phase.sessions) throw new Error(`only ${opened} of ${phase.sessions} sessions were open in time`);
      contestants.set(name, contestant);
    });
  }
  for (const kind of phase.kinds) await run(kind, phase.warmUpMs, false);
  for (let round = 0; round < phase.rounds; round++) {
    for (const kind of phase.kinds) await run(kind, phase.roundMs, true);
  }
  await stage.stopAll();
}

function figureKeys(kind: LoadKind): FigureKey[] {
  return Object.keys(kind.figures) as FigureKey[];
}
