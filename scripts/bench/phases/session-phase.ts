import { join } from "node:path";
import type { GatewayName } from "../gateways/gateways.ts";
import { descendants, residentBytes } from "../measure/process-table.ts";
import type { FigureKey } from "../report/figures.ts";
import type { Contestant, Stage } from "./stage.ts";

export interface SessionPhase {
  /** How often each gateway is started for its start time. */
  readonly starts: number;
  /** How many sessions are opened one after the other for the connect time. */
  readonly connects: number;
  /** Sessions that are held open, each with the figure that the memory is read for. */
  readonly held: readonly (readonly [sessions: number, key: "resident100" | "resident1000"])[];
}

const SERVER = { command: ["/bin/sh", join(import.meta.dir, "idle-child.sh")] };
const MEGABYTE = 1024 * 1024;
/** For as many sessions as are held at most: a gateway that needs longer gets no figure. */
const HOLD_LIMIT_MS = 25_000;
const MEMORY_SAMPLES = 5;
const SAMPLE_EVERY_MS = 150;

/** Start time, connect time and memory, with a child that weighs next to nothing: what is read is the gateway's own. */
export async function runSessionPhase(stage: Stage, names: readonly GatewayName[], phase: SessionPhase): Promise<void> {
  for (let start = 0; start < phase.starts; start++) {
    for (const name of names) {
      const contestant = await stage.attempt(name, ["start"], () => stage.start(name, SERVER));
      if (contestant === undefined) continue;
      stage.results.add(name, "start", contestant.running.startMs);
      if (start === 0) await connectTime(stage, contestant, phase.connects);
      if (start === phase.starts - 1) await memory(stage, contestant, phase.held);
      await stage.stop(contestant);
    }
  }
}

async function connectTime(stage: Stage, contestant: Contestant, times: number): Promise<void> {
  const { name } = contestant.running;
  await stage.attempt(name, ["connect"], async () => {
    const tookMs = await contestant.driver.order({ kind: "connect", times });
    stage.results.add(name, "connect", ...tookMs);
  });
}

async function memory(stage: Stage, contestant: Contestant, held: SessionPhase["held"]): Promise<void> {
  const { name } = contestant.running;
  await sample(stage, contestant, "resident0");
  for (const [sessions, key] of held) {
    await stage.attempt(name, [key], async () => {
      const order = { kind: "open", sessions, lanes: 0, limitMs: HOLD_LIMIT_MS } as const;
      const { opened } = await contestant.driver.order(order);
      if (opened < sessions) throw new Error(`only ${opened} sessions were open after ${HOLD_LIMIT_MS / 1000} s`);
      await sample(stage, contestant, key);
    });
  }
}

async function sample(stage: Stage, contestant: Contestant, key: FigureKey): Promise<void> {
  const { name, target } = contestant.running;
  for (let count = 0; count < MEMORY_SAMPLES; count++) {
    await Bun.sleep(SAMPLE_EVERY_MS);
    stage.results.add(name, key, residentBytes(target.pid) / MEGABYTE);
  }
  if (key !== "resident100") return;
  const children = descendants(target.pid).map(residentBytes);
  stage.results.add(name, "children100", children.reduce((sum, bytes) => sum + bytes, 0) / MEGABYTE);
}
