#!/usr/bin/env bun
import type { GatewayName } from "./bench/gateways/gateways.ts";
import { type Options, parseOptions, USAGE } from "./bench/options.ts";
import { type CallPhase, runCallPhase } from "./bench/phases/call-phase.ts";
import { type LoadTimes, runLoadPhases } from "./bench/phases/load-phase.ts";
import { runSessionPhase, type SessionPhase } from "./bench/phases/session-phase.ts";
import { runSharedPhase, type SharedSessions } from "./bench/phases/shared-phase.ts";
import { Stage } from "./bench/phases/stage.ts";
import { PARTS, type PartName, participants } from "./bench/report/parts.ts";
import { json, markdown } from "./bench/report/report.ts";

/** What a run takes its time for. */
interface Extent {
  /** The whole run ends by then, whatever hangs. */
  readonly limitMs: number;
  readonly load: LoadTimes;
  readonly sessions: SessionPhase;
  readonly calls: CallPhase;
  readonly shared: SharedSessions;
}

const QUICK: Extent = {
  limitMs: 150_000,
  load: { rounds: 3, roundMs: 250, warmUpMs: 1000 },
  sessions: { starts: 1, connects: 15, held: [[100, "resident100"]] },
  calls: { rounds: 3, kept: { warmUp: 200, perRound: 200 }, fresh: { warmUp: 1, perRound: 3 } },
  shared: 100,
};
const FULL: Extent = {
  limitMs: 400_000,
  load: { rounds: 5, roundMs: 800, warmUpMs: 2500 },
  sessions: {
    starts: 5,
    connects: 40,
    held: [
      [100, "resident100"],
      [1000, "resident1000"],
    ],
  },
  calls: { rounds: 5, kept: { warmUp: 1000, perRound: 500 }, fresh: { warmUp: 3, perRound: 8 } },
  shared: 1000,
};

async function run(part: PartName, stage: Stage, names: readonly GatewayName[], extent: Extent): Promise<void> {
  switch (part) {
    case "sse":
      await runLoadPhases(stage, names, extent.load);
      // Starting is the same on all, and only a session of HTTP+SSE holds a stream, which is what memory goes for.
      await runSessionPhase(stage, names, extent.sessions);
      return;
    case "streamable":
      return runLoadPhases(stage, names, extent.load);
    case "stateless":
      return runCallPhase(stage, names, extent.calls);
    case "shared-sessions":
      return runSharedPhase(stage, names, extent.shared);
  }
}

/** Measures the gateways side by side, prints the tables and writes the JSON. */
async function bench(options: Options): Promise<void> {
  const { names, quick, proxy } = options;
  const extent = quick ? QUICK : FULL;
  const start = performance.now();
  const stages = new Map(options.parts.map((part) => [part, new Stage({ protocol: PARTS[part].protocol, proxy })]));
  const close = () => Promise.all([...stages.values()].map((stage) => stage.close()));
  let givenUp = false;
  const giveUp = (why: string, code: number): void => {
    givenUp = true;
    process.stderr.write(`${why}\n`);
    void close().finally(() => process.exit(code));
  };
  const limit = setTimeout(() => giveUp("the benchmark took too long", 1), extent.limitMs);
  process.once("SIGINT", () => giveUp("interrupted", 130));
  process.once("SIGTERM", () => giveUp("ended", 143));
  const note = (what: string): void => {
    process.stderr.write(`${Math.round((performance.now() - start) / 1000)} s: ${what}…\n`);
  };
  try {
    for (const [part, stage] of stages) {
      note(part);
      await run(part, stage, participants(part, names), extent);
    }
  } finally {
    clearTimeout(limit);
    await close();
  }
  // What is there of the results is not whole; the process exits as soon as everything has ended.
  if (givenUp) return;
  const seconds = (performance.now() - start) / 1000;
  const input = { parts: stages, names, quick, seconds };
  process.stdout.write(`${markdown(input)}\n`);
  await Bun.write(options.out, `${JSON.stringify(json(input), null, 2)}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else await bench(options);
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
