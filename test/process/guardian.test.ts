import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { startGuardian } from "../../src/process/guardian.ts";
import { eventually, within } from "../support/eventually.ts";
import { processesWithCommand } from "../support/process-table.ts";

/** Every shell of this host that may stand behind `sh`. The first is the one that does. */
const SHELLS = ["sh", "dash", "bash", "busybox", "ksh", "zsh"].flatMap((name) => Bun.which(name) ?? []);

const directories: string[] = [];
/** A PATH on which `sh` is this shell. */
function pathWith(shell: string): string {
  const directory = mkdtempSync(join(tmpdir(), "guardian-test-"));
  directories.push(directory);
  symlinkSync(shell, join(directory, "sh"));
  return `${directory}:/usr/bin:/bin`;
}
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

let runs = 0;
/** A host whose children sleep for a number of seconds that nobody else's do. */
async function startHost(shell: string) {
  const seconds = String(4_000_000 + (process.pid % 100_000) * 10 + runs++);
  const host = Bun.spawn([process.execPath, join(import.meta.dir, "guarded-host.ts"), pathWith(shell), seconds], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said = await within("the host", host.stdout.getReader().read());
  const instance = Buffer.from(said.value ?? [])
    .toString()
    .replace(/^ready (.*)\n$/, "$1");
  const sleepers = (kind: 1 | 2 | 3) =>
    processesWithCommand(`sleep ${seconds}${kind}`).filter(
      ({ commandLine, state }) => /^sleep/.test(commandLine) && state !== "Z",
    );
  const guardians = () => processesWithCommand(`mcp-sse-proxy-guardian MCP_SSE_PROXY_CHILD=${instance}`);
  const end = async () => {
    for (const { pid } of ([1, 2, 3] as const).flatMap(sleepers)) process.kill(pid, "SIGKILL");
    host.kill("SIGKILL");
    await host.exited;
  };
  try {
    for (const kind of [1, 2, 3] as const) await eventually("the sleepers", () => sleepers(kind).length === 1);
    await eventually("the guardian", () => guardians().length === 1);
  } catch (error) {
    await end();
    throw error;
  }
  return { host, sleepers, guardians, [Symbol.asyncDispose]: end };
}

describe.each(SHELLS.map((shell) => [basename(shell), shell] as const))("a guardian run by %s", (_, shell) => {
  test("ends the groups of a proxy that was killed, and what left them, but no group that was forgotten", async () => {
    await using started = await startHost(shell);
    const { host, sleepers, guardians } = started;
    host.kill("SIGKILL");
    await eventually("the group without a marker to be gone", () => sleepers(1).length === 0);
    await eventually("the process outside of its group to be gone", () => sleepers(2).length === 0);
    await eventually("the guardian to be gone", () => guardians().length === 0);
    expect(sleepers(3).length).toBe(1);
  });

  test("goes with a proxy that ends properly, and kills nobody", async () => {
    await using started = await startHost(shell);
    const { host, sleepers, guardians } = started;
    host.stdin.end();
    await eventually("the guardian to be gone", () => guardians().length === 0);
    expect([sleepers(1).length, sleepers(2).length, sleepers(3).length]).toEqual([1, 1, 1]);
  });

  test("outlives the signals that a terminal sends to all", async () => {
    await using started = await startHost(shell);
    const { host, sleepers, guardians } = started;
    const [guardian] = guardians();
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(guardian?.pid ?? 0, signal);
    host.kill("SIGKILL");
    await eventually("the group to be gone", () => sleepers(1).length === 0);
  });
});

test("without a shell there is none", () => {
  expect(startGuardian("x", { PATH: "/nowhere" })).toBeUndefined();
});

test("one that was killed costs the guard and no more", async () => {
  const instance = `test-${process.pid}-${crypto.randomUUID()}`;
  const guardian = startGuardian(instance, { PATH: "/usr/bin:/bin" });
  const find = () => processesWithCommand(instance).filter(({ state }) => state !== "Z");
  const [found] = await eventually("the guardian", () => find().length > 0 && find());
  process.kill(found?.pid ?? 0, "SIGKILL");
  // Without a turn of the event loop: the runtime does not know yet that nobody reads the pipe.
  while (find().length > 0) Bun.sleepSync(1);
  for (let i = 0; i < 3; i++) {
    guardian?.watch(4_194_305);
    await new Promise((resolve) => setImmediate(resolve));
  }
  guardian?.forget(4_194_305);
  guardian?.close();
});
