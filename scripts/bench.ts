#!/usr/bin/env bun
import { type LoadTimes, runLoadPhases } from "./bench/load-phase.ts";
import { type Options, parseOptions, USAGE } from "./bench/options.ts";
import { json, markdown } from "./bench/report.ts";
import { runSessionPhase, type SessionPhase } from "./bench/session-phase.ts";
import { Stage } from "./bench/stage.ts";

/** What a run takes its time for. */
interface Extent {
  /** The whole run ends by then, whatever hangs. */
  readonly limitMs: number;
  readonly load: LoadTimes;
  readonly sessions: SessionPhase;
}

const QUICK: Extent = {
  limitMs: 90_000,
  load: { rounds: 3, roundMs: 250, warmUpMs: 1000 },
  sessions: { starts: 1, connects: 15, held: [[100, "resident100"]] },
};
const FULL: Extent = {
  limitMs: 300_000,
  load: { rounds: 5, roundMs: 800, warmUpMs: 2500 },
  sessions: {
    starts: 5,
    connects: 40,
    held: [
      [100, "resident100"],
      [1000, "resident1000"],
    ],
  },
};

/** Measures the gateways side by side, prints the tables and writes the JSON. */
async function bench(options: Options): Promise<void> {
  const { names, quick, proxy } = options;
  const extent = quick ? QUICK : FULL;
  const start = performance.now();
  const stages = options.protocols.map((protocol) => new Stage({ protocol, proxy }));
  const close = () => Promise.all(stages.map((stage) => stage.close()));
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
    for (const stage of stages) {
      note(`${stage.protocol}: load`);
      await runLoadPhases(stage, names, extent.load);
      // Starting is the same on both, and only a session of HTTP+SSE holds a stream, which is what memory goes for.
      if (stage.protocol !== "sse") continue;
      note(`${stage.protocol}: start, connect, memory`);
      await runSessionPhase(stage, names, extent.sessions);
    }
  } finally {
    clearTimeout(limit);
    await close();
  }
  // What is there of the results is not whole; the process exits as soon as everything has ended.
  if (givenUp) return;
  const seconds = (performance.now() - start) / 1000;
  const transports = new Map(stages.map((stage) => [stage.protocol, stage]));
  const input = { transports, names, quick, seconds };
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
