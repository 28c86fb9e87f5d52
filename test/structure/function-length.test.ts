import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");

test("no function is longer than can be looked over", () => {
  const biome = join(ROOT, "node_modules", ".bin", "biome");
  const config = join(import.meta.dir, "function-length.jsonc");
  const rule = "--only=complexity/noExcessiveLinesPerFunction";
  const run = Bun.spawnSync([process.execPath, biome, "lint", `--config-path=${config}`, rule, "src"], { cwd: ROOT });
  expect(run.exitCode, run.stdout.toString() + run.stderr.toString()).toBe(0);
});
