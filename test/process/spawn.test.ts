import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ProcessExit } from "../../src/process/exit.ts";
import { type SpawnOptions, spawnProcess } from "../../src/process/spawn.ts";
import { within } from "../support/eventually.ts";

const ENVIRONMENT = { PATH: process.env["PATH"] ?? "" };

function spawn(command: SpawnOptions["command"], more: Partial<SpawnOptions> = {}) {
  const { promise: exited, resolve } = Promise.withResolvers<ProcessExit>();
  const spawned = spawnProcess({ command, cwd: "/", environment: ENVIRONMENT, onExit: resolve, ...more });
  return { ...spawned, exited: within("the exit", exited) };
}

test("a process has the environment that it was given and not one variable more", async () => {
  const { stdout } = spawn(["/usr/bin/env"], { environment: { ONLY: "this", EMPTY: "" } });
  expect((await new Response(stdout ?? null).text()).trim().split("\n").sort()).toEqual(["EMPTY=", "ONLY=this"]);
});

test("a process leads a session and a group of its own", async () => {
  const { pid, stdin, exited } = spawn(["/bin/cat"]);
  const [, , group, session] = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  expect([Number(group), Number(session)]).toEqual([pid, pid]);
  stdin.end();
  expect(await exited).toEqual({ code: 0, signal: null });
});

test("its end is told with the code or the name of the signal", async () => {
  expect(await spawn(["/bin/sh", "-c", "exit 3"]).exited).toEqual({ code: 3, signal: null });
  expect(await spawn(["/bin/sh", "-c", "kill -TERM $$"]).exited).toEqual({ code: null, signal: "SIGTERM" });
});

test("a program that is not there throws at once", () => {
  expect(() => spawn(["/nowhere/program"])).toThrow();
});
