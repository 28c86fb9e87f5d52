import { join } from "node:path";
import { type GatewayName, packageFile, type StdioServer } from "../gateways/gateways.ts";
import { treeMemory } from "../measure/tree-memory.ts";
import type { FigureKey } from "../report/figures.ts";
import type { Contestant, Stage } from "./stage.ts";

/** How many sessions are held open; the figures are named for it. */
export type SharedSessions = 100 | 1000;

type SharedKey = Extract<FigureKey, `shared${string}`>;

const SERVER: StdioServer = {
  command: ["node", packageFile("@modelcontextprotocol/server-memory", "dist/index.js")],
  env: (directory) => ({ MEMORY_FILE_PATH: join(directory, "memory.jsonl") }),
  isolation: "shared",
};
const MEGABYTE = 1024 * 1024;
const OPEN_LIMIT_MS = 35_000;
/** Opened first, to see whether they share: a thousand children on Node would take all memory that the machine has. */
const PROBE = 10;
const MEMORY_SAMPLES = 5;
const SAMPLE_EVERY_MS = 150;

/** Holds sessions open that have initialised and listed the tools, and reads what the gateway and its children take together. */
export async function runSharedPhase(
  stage: Stage,
  names: readonly GatewayName[],
  sessions: SharedSessions,
): Promise<void> {
  for (const name of names) {
    await stage.attempt(name, keysOf(sessions), async () => {
      const contestant = await stage.start(name, SERVER);
      await openShared(contestant, sessions);
      await sample(stage, contestant, sessions);
      const { alive } = await contestant.driver.order({ kind: "alive" });
      if (alive < sessions) throw new Error(`only ${alive} of ${sessions} sessions lasted`);
    });
  }
  await stage.stopAll();
}

async function openShared({ running, driver }: Contestant, sessions: number): Promise<void> {
  const order = { kind: "open", lanes: 0, limitMs: OPEN_LIMIT_MS, call: "toolsList" } as const;
  await driver.order({ ...order, sessions: PROBE });
  const { servers } = treeMemory(running.target.pid, SERVER.command);
  if (servers === 0 || servers >= PROBE) throw new Error(`${PROBE} sessions have ${servers} server processes`);
  const { opened } = await driver.order({ ...order, sessions });
  if (opened < sessions) throw new Error(`only ${opened} sessions were open after ${OPEN_LIMIT_MS / 1000} s`);
}

async function sample(stage: Stage, { running }: Contestant, sessions: SharedSessions): Promise<void> {
  const { name, target } = running;
  for (let count = 0; count < MEMORY_SAMPLES; count++) {
    await Bun.sleep(SAMPLE_EVERY_MS);
    const { rss, pss, processes, servers } = treeMemory(target.pid, SERVER.command);
    stage.results.add(name, `sharedRss${sessions}`, rss / MEGABYTE);
    if (pss === undefined) stage.results.absent(name, `sharedPss${sessions}`, "/proc/PID/smaps_rollup may not be read");
    else stage.results.add(name, `sharedPss${sessions}`, pss / MEGABYTE);
    stage.results.add(name, `sharedServers${sessions}`, servers);
    stage.results.add(name, `sharedTree${sessions}`, processes);
  }
}

function keysOf(sessions: SharedSessions): SharedKey[] {
  return [`sharedPss${sessions}`, `sharedRss${sessions}`, `sharedServers${sessions}`, `sharedTree${sessions}`];
}
