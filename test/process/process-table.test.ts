import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProcessTable, forEachProcess } from "../../src/process/process-table.ts";
import { eventually } from "../support/eventually.ts";
import { descendants } from "../support/process-table.ts";
import { cpuMsOf } from "../support/work.ts";

const table = createProcessTable();
const started: Bun.Subprocess[] = [];
const directory = mkdtempSync(join(tmpdir(), "process-table-test-"));

/** Starts a program as leader of a group of its own. */
function start(words: readonly string[]): Bun.Subprocess {
  const subprocess = Bun.spawn([...words], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
  started.push(subprocess);
  return subprocess;
}
afterAll(() => {
  for (const { pid } of started) Bun.spawnSync(["kill", "-KILL", "--", `-${pid}`]);
  rmSync(directory, { recursive: true, force: true });
});

describe("the members of a group", () => {
  test("are its leader and what the leader started, with their parents", async () => {
    const { pid } = start(["sh", "-c", "sleep 60 & sleep 60 & wait"]);
    const members = await eventually("three members", async () => {
      const found = await table.groupMembers(pid);
      return found.length === 3 && found;
    });
    expect(members.every(({ group }) => group === pid)).toBe(true);
    expect(members.filter(({ parent }) => parent === pid).length).toBe(2);
  });

  test("are found whatever the name of their program", async () => {
    const sleep = join(directory, "a) Z 1 (1");
    symlinkSync(Bun.which("sleep") ?? "", sleep);
    const { pid } = start([sleep, "60"]);
    const found = await eventually("the member", async () => {
      const members = await table.groupMembers(pid);
      return members.length > 0 && members;
    });
    expect(found).toEqual([{ pid, parent: process.pid, group: pid }]);
  });

  test("are alive: a zombie is none", async () => {
    // The shell becomes a program that reaps nobody.
    const { pid } = start(["sh", "-c", "sleep 0 & exec sleep 60"]);
    await eventually("a zombie", () => descendants(pid).some(({ state }) => state === "Z"));
    expect((await table.groupMembers(pid)).map((member) => member.pid)).toEqual([pid]);
  });

  test("of a group that is gone are nobody", async () => {
    const { pid, exited } = start(["true"]);
    await exited;
    expect(await table.groupMembers(pid)).toEqual([]);
  });
});

test("many that ask at once share one walk through the processes", async () => {
  const work = (questions: number) => {
    const shared = createProcessTable();
    return cpuMsOf(() => Promise.all(Array.from({ length: questions }, (_, group) => shared.groupMembers(group))));
  };
  // A walk for each would be hundreds of times as much.
  expect(await work(1_000)).toBeLessThan(50 * (await work(1)));
});

test("every process is looked at but this one, however many there are", async () => {
  const seen: number[] = [];
  await forEachProcess(async (pid) => void seen.push(pid));
  expect(seen).toContain(1);
  expect(seen).not.toContain(process.pid);
  expect(new Set(seen).size).toBe(seen.length);
});
