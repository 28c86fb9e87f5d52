#!/usr/bin/env bun
import { MANY_SESSIONS, ONE_SESSION, runLoadPhase } from "./bench/load-phase.ts";
import { type Options, parseOptions, USAGE } from "./bench/options.ts";
import { json, markdown } from "./bench/report.ts";
import { Results } from "./bench/results.ts";
import { runSessionPhase } from "./bench/session-phase.ts";
import { Stage } from "./bench/stage.ts";

/** The whole run ends by then, whatever hangs. */
const LIMIT_MS = { quick: 90_000, full: 300_000 };

/** Measures the gateways side by side, prints the table and writes the JSON. */
async function bench(options: Options): Promise<void> {
  const { names, quick } = options;
  const start = performance.now();
  const results = new Results();
  const stage = new Stage(results, options.proxy);
  let givenUp = false;
  const giveUp = (why: string, code: number): void => {
    givenUp = true;
    process.stderr.write(`${why}\n`);
    void stage.close().finally(() => process.exit(code));
  };
  const limit = setTimeout(() => giveUp("the benchmark took too long", 1), quick ? LIMIT_MS.quick : LIMIT_MS.full);
  process.once("SIGINT", () => giveUp("interrupted", 130));
  process.once("SIGTERM", () => giveUp("ended", 143));
  const times = quick ? { rounds: 3, roundMs: 500, warmUpMs: 300 } : { rounds: 5, roundMs: 1500, warmUpMs: 1500 };
  try {
    process.stderr.write("1 session…\n");
    await runLoadPhase(stage, names, { sessions: 1, kinds: ONE_SESSION, ...times });
    process.stderr.write("50 sessions…\n");
    await runLoadPhase(stage, names, { sessions: 50, kinds: MANY_SESSIONS, ...times });
    process.stderr.write("start, connect, memory…\n");
    await runSessionPhase(stage, names, {
      starts: quick ? 3 : 5,
      connects: quick ? 15 : 40,
      held: quick
        ? [[100, "resident100"]]
        : [
            [100, "resident100"],
            [1000, "resident1000"],
          ],
    });
  } finally {
    clearTimeout(limit);
    await stage.close();
  }
  // What is there of the results is not whole; the process exits as soon as everything has ended.
  if (givenUp) return;
  const seconds = (performance.now() - start) / 1000;
  const input = { results, names, leftBehind: stage.leftBehind, quick, seconds };
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
