import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findContainment, UNCONTAINED } from "../../src/process/containment.ts";
import type { ProcessExit } from "../../src/process/exit.ts";
import { spawnProcess } from "../../src/process/spawn.ts";
import { canContain } from "../support/containment.ts";
import { eventually, within } from "../support/eventually.ts";
import { processesWithCommand } from "../support/process-table.ts";
import { describeWhen } from "../support/when.ts";

const OWN = { PATH: process.env["PATH"] ?? "" };

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A PATH on which bubblewrap is this script. */
function pathWith(script: string): string {
  const directory = mkdtempSync(join(tmpdir(), "containment-test-"));
  directories.push(directory);
  writeFileSync(join(directory, "bwrap"), script);
  chmodSync(join(directory, "bwrap"), 0o755);
  for (const name of ["sh", "true", "sleep"]) symlinkSync(Bun.which(name) ?? "", join(directory, name));
  return directory;
}

async function runContained(command: readonly [string, ...string[]], signal?: (pid: number) => Promise<void>) {
  const containment = await findContainment(OWN);
  const { promise, resolve } = Promise.withResolvers<ProcessExit>();
  const { pid, stdin, stdout } = spawnProcess({
    command: containment.wrap(command),
    cwd: "/",
    environment: OWN,
    onExit: (exit) => resolve(containment.exitOf(exit)),
  });
  await signal?.(pid);
  const exit = await within("the exit", promise);
  stdin.end();
  return { exit, output: await new Response(stdout ?? null).text() };
}

describe("containment is", () => {
  test.each([
    ["where there is no bubblewrap", () => "/nowhere"],
    ["where bubblewrap is not allowed to do its work", () => pathWith("#!/bin/sh\nexit 1\n")],
    ["where bubblewrap cannot be run at all", () => pathWith("#!/nowhere/interpreter\n")],
  ])("none %s", async (_, path) => {
    expect(await findContainment({ PATH: path() })).toBe(UNCONTAINED);
  });

  test("none where bubblewrap hangs, and it does not hang on afterwards", async () => {
    const seconds = String(5_000_000 + (process.pid % 100_000));
    expect(await findContainment({ PATH: pathWith(`#!/bin/sh\nexec sleep ${seconds}\n`) })).toBe(UNCONTAINED);
    await eventually("its end", () => processesWithCommand(`sleep ${seconds}`).length === 0);
  });

  test("nothing that changes a command where there is none", () => {
    expect(UNCONTAINED.wrap(["a", "b"])).toEqual(["a", "b"]);
    expect(UNCONTAINED.exitOf({ code: 137, signal: null })).toEqual({ code: 137, signal: null });
  });
});

describeWhen(canContain(), "bubblewrap makes no PID namespace here")("in a PID namespace", () => {
  test("a command runs with its words as they are, and sees nobody else", async () => {
    const words = ["a b", "$HOME", "'", '"', "", "--"];
    const { exit, output } = await runContained([
      "/bin/sh",
      "-c",
      'printf "<%s>" "$@"; ls /proc | grep -c "^[0-9]"',
      "sh",
      ...words,
    ]);
    expect(exit).toEqual({ code: 0, signal: null });
    const [shown = "", processes] = output.split(/(?<=>)(?=\d+\n$)/);
    expect(shown).toBe(words.map((word) => `<${word}>`).join(""));
    expect(Number(processes)).toBeLessThan(6);
  });

  test("its exit code is its own", async () => {
    expect((await runContained(["/bin/sh", "-c", "exit 7"])).exit).toEqual({ code: 7, signal: null });
    expect((await runContained(["/bin/sh", "-c", "exit 127"])).exit).toEqual({ code: 127, signal: null });
  });

  test.each(["KILL", "TERM", "SEGV"])("its end by SIG%s is told as such", async (name) => {
    expect((await runContained(["/bin/sh", "-c", `kill -${name} $$`])).exit).toEqual({
      code: null,
      signal: `SIG${name}`,
    });
  });

  test("nothing survives its first process", async () => {
    const seconds = String(5_100_000 + (process.pid % 100_000));
    await runContained(["/bin/sh", "-c", `setsid env -i /bin/sleep ${seconds} </dev/null >/dev/null 2>&1 & sleep 0.1`]);
    await eventually(
      "the end of what left the group",
      () => processesWithCommand(`/bin/sleep ${seconds}`).length === 0,
    );
  });
});
