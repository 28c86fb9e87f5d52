/**
 * Loaded before every test file: when its tests are over, a proxy that none of them stopped, what such a proxy started, and the
 * directory of its own are a failure of that file.
 */
import { afterAll } from "bun:test";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { eventually } from "./eventually.ts";
import { PLACES } from "./launch.ts";
import { TEST_MS } from "./limits.ts";
import { processesWithEnvironment } from "./process-table.ts";

function leftovers(): readonly string[] {
  // A proxy and all that it starts have a directory of that name in their PATH.
  const running = processesWithEnvironment(`/${PLACES}`).filter(({ state }) => state !== "Z");
  const directories = readdirSync(tmpdir()).filter((name) => name.startsWith(PLACES));
  return [...running.map(({ pid, commandLine }) => `process ${pid}: ${commandLine.slice(0, 200)}`), ...directories];
}

if (process.platform === "linux") {
  afterAll(async () => {
    await eventually("nothing to be left", () => leftovers().length === 0).catch(() => {});
    const left = leftovers();
    if (left.length > 0) throw new Error(`the tests left behind:\n${left.join("\n")}`);
  }, TEST_MS);
}
