import { afterAll, describe, expect, test } from "bun:test";
import { processGroup } from "../../src/process/group.ts";
import { createProcessTable } from "../../src/process/process-table.ts";
import { eventually, within } from "../support/eventually.ts";
import { descendants } from "../support/process-table.ts";

const table = createProcessTable();
const started: number[] = [];

function start(script: string) {
  const subprocess = Bun.spawn(["sh", "-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  started.push(subprocess.pid);
  return subprocess;
}
afterAll(() => {
  for (const pid of started) Bun.spawnSync(["kill", "-KILL", "--", `-${pid}`]);
});

describe("a group", () => {
  test("lives as long as a member does, and is gone with the last one", async () => {
    const { pid, exited } = start("sleep 60 & exit 0");
    const group = processGroup(pid, false, table);
    await exited;
    expect(await group.isAlive()).toBe(true);
    await group.signal("SIGKILL");
    await eventually("the end of the group", async () => !(await group.isAlive()));
  });

  test("gets its signals as a whole", async () => {
    const { pid, exited } = start("sleep 60 & sleep 60 & wait");
    await eventually("its members", () => descendants(pid).length === 2);
    const group = processGroup(pid, false, table);
    await group.signal("SIGTERM");
    await within("the exit", exited);
    await eventually("the end of the group", async () => !(await group.isAlive()));
  });

  test("of zombies alone is gone", async () => {
    // The member's parent stays outside of the group, and reaps nobody.
    const outer = start("setsid sh -c 'echo $$; exit 0' & exec sleep 60");
    const { value } = await outer.stdout.getReader().read();
    const pid = Number(Buffer.from(value ?? []).toString());
    await eventually("a zombie", () =>
      descendants(outer.pid).some((found) => found.pid === pid && found.state === "Z"),
    );
    expect(await processGroup(pid, false, table).isAlive()).toBe(false);
  });

  test("that is gone takes a signal without a word", async () => {
    const { pid, exited } = start("exit 0");
    await exited;
    const group = processGroup(pid, false, table);
    expect(await group.isAlive()).toBe(false);
    await group.signal("SIGTERM");
    await group.signal("SIGKILL");
  });
});

test("of a contained group neither the outer half nor the init gets SIGTERM, but all behind them do", async () => {
  // Stands in for bubblewrap: a leader, its child, and the program that the child runs.
  const trap = (name: string, then: string) => `trap 'echo ${name}' TERM; echo ready-${name}; ${then}`;
  const inner = trap("program", "sleep 60 & wait");
  const outer = start(
    trap("leader", `sh -c "${trap("init", `sh -c \\"${inner}\\"; sleep 60 & wait; wait`)}" & wait; wait; wait`),
  );
  const reader = outer.stdout.getReader();
  let said = "";
  const until = async (text: string) => {
    while (!said.includes(text)) said += Buffer.from((await within(text, reader.read())).value ?? []).toString();
  };
  await until("ready-program");
  await processGroup(outer.pid, true, table).signal("SIGTERM");
  await until("\nprogram");
  expect(said).not.toMatch(/^(leader|init)$/m);
});
