import type { CallName } from "../driver/messages.ts";
import { type GatewayName, packageFile, type StdioServer } from "../gateways/gateways.ts";
import { quantile } from "../measure/quantile.ts";
import type { FigureKey } from "../report/figures.ts";
import type { Contestant, Stage } from "./stage.ts";

/** How many calls a gateway gets. */
export interface CallCounts {
  /** That don't count: they start children where these stay, and let the gateway's and the server's code be compiled. */
  readonly warmUp: number;
  readonly perRound: number;
}

export interface CallPhase {
  readonly rounds: number;
  /** For a gateway that keeps its child. */
  readonly kept: CallCounts;
  /** For one that starts a child for each call, which takes some hundred times as long. */
  readonly fresh: CallCounts;
}

const SERVER: StdioServer = {
  command: ["node", packageFile("@modelcontextprotocol/server-everything", "dist/index.js"), "stdio"],
};
const QUANTILES = { statelessP50: 0.5, statelessP95: 0.95, statelessP99: 0.99 } as const satisfies Partial<
  Record<FigureKey, number>
>;
const KEYS = Object.keys(QUANTILES) as (keyof typeof QUANTILES)[];

/**
 * Makes requests that stand alone, one after the other, to a server that keeps to sessions: the quantiles are of all calls
 * of all rounds. The rounds alternate between the gateways, so that whatever else this machine is doing falls on all.
 */
export async function runCallPhase(stage: Stage, names: readonly GatewayName[], phase: CallPhase): Promise<void> {
  const contestants = new Map<GatewayName, Contestant>();
  const tookMs = new Map<GatewayName, readonly number[]>();
  for (const name of names) {
    await stage.attempt(name, KEYS, async () => {
      const contestant = await stage.start(name, SERVER);
      contestants.set(name, contestant);
      await call(contestant, countsOf(name, phase).warmUp);
    });
  }
  for (let round = 0; round < phase.rounds; round++) {
    for (const [name, contestant] of contestants) {
      if (KEYS.some((key) => stage.results.reason(name, key) !== undefined)) continue;
      await stage.attempt(name, KEYS, async () => {
        const calls = await call(contestant, countsOf(name, phase).perRound);
        tookMs.set(name, [...(tookMs.get(name) ?? []), ...calls]);
      });
    }
  }
  for (const [name, calls] of tookMs) {
    for (const key of KEYS) stage.results.add(name, key, quantile(calls, QUANTILES[key]));
  }
  await stage.stopAll();
}

function countsOf(name: GatewayName, { kept, fresh }: CallPhase): CallCounts {
  return name === "ours" ? kept : fresh;
}

function call({ running, driver }: Contestant, times: number): Promise<readonly number[]> {
  // Only ours knows the revision in which requests stand alone, with a server that does not.
  const call: CallName = running.name === "ours" ? "statelessEcho" : "everythingEcho";
  return driver.order({ kind: "calls", call, times });
}
