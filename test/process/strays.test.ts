import { afterAll, describe, expect, test } from "bun:test";
import { instanceName, isDeadInstance } from "../../src/process/instance.ts";
import { createStrayHunter } from "../../src/process/strays.ts";
import { eventually, within } from "../support/eventually.ts";
import { isRunning, processesWithEnvironment } from "../support/process-table.ts";

const INSTANCE = `${instanceName(process.pid)}`;
const DEAD = `${INSTANCE.split("-")[0]}-4194305-1`;
const started: Bun.Subprocess[] = [];
afterAll(() => {
  for (const subprocess of started) subprocess.kill("SIGKILL");
});

function start(environment: Readonly<Record<string, string>>, words: readonly string[] = ["sleep", "60"]) {
  const subprocess = Bun.spawn([...words], {
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    detached: true,
    stdio: ["ignore", "ignore", "ignore"],
  });
  started.push(subprocess);
  return subprocess;
}

/** Waits until the program itself runs, with its own environment: just after the start it is still a copy of this process. */
const running = (text: string, count = 1) =>
  eventually(`${count} processes with ${text}`, () => processesWithEnvironment(text).length === count);

describe("what left its group", () => {
  test("is found by its child's marker and killed; all others live", async () => {
    const hunter = createStrayHunter();
    const wanted = [
      start({ MCP_SSE_PROXY_CHILD: `${INSTANCE}.stray1` }),
      start({ A: "1", MCP_SSE_PROXY_CHILD: `${INSTANCE}.stray1`, Z: "1" }),
    ];
    const others = [
      start({ MCP_SSE_PROXY_CHILD: `${INSTANCE}.stray10` }),
      start({ MCP_SSE_PROXY_CHILD: `${INSTANCE}.stray` }),
      start({ OTHER: `MCP_SSE_PROXY_CHILD=${INSTANCE}.stray1` }),
      start({ X_MCP_SSE_PROXY_CHILD: `${INSTANCE}.stray1` }),
      start({}),
    ];
    await running(`${INSTANCE}.stray`, 6);
    // At least: one that is slow to go is killed again.
    expect(await hunter.killChild(`${INSTANCE}.stray1`)).toBeGreaterThanOrEqual(2);
    await Promise.all(wanted.map(({ exited }) => within("the end of a stray", exited)));
    expect(others.map(({ pid }) => isRunning(pid))).toEqual(others.map(() => true));
  });

  test("is found by one walk for all that ask at the same time", async () => {
    const hunter = createStrayHunter();
    const names = ["many1", "many2", "many3"];
    const strays = names.map((name) => start({ MCP_SSE_PROXY_CHILD: `${INSTANCE}.${name}` }));
    await running(`${INSTANCE}.many`, 3);
    const killed = await Promise.all(names.map((name) => hunter.killChild(`${INSTANCE}.${name}`)));
    expect(killed[0]).toBeGreaterThanOrEqual(3);
    expect(new Set(killed).size).toBe(1);
    await Promise.all(strays.map(({ exited }) => within("the end of a stray", exited)));
  });

  test("is found although it forks while it is killed", async () => {
    const hunter = createStrayHunter();
    const marker = `${INSTANCE}.forks`;
    start({ MCP_SSE_PROXY_CHILD: marker }, [
      "sh",
      "-c",
      "i=0; while [ $i -lt 40 ]; do setsid sleep 60 & i=$((i+1)); done; wait",
    ]);
    await eventually("the first forks", () => processesWithEnvironment(marker).length > 10);
    await hunter.killChild(marker);
    // What was killed may take a moment to be gone.
    await eventually("nothing to be left", () => processesWithEnvironment(marker).every(({ state }) => state === "Z"));
  });

  test("is nobody when nothing was left", async () => {
    expect(await createStrayHunter().killChild(`${INSTANCE}.nothing`)).toBe(0);
  });
});

test("leftovers of an instance that runs no more are killed; those of running and of foreign ones are not", async () => {
  const dead = start({ MCP_SSE_PROXY_CHILD: `${DEAD}.left1` });
  const living = [
    start({ MCP_SSE_PROXY_CHILD: `${INSTANCE}.left2` }),
    start({ MCP_SSE_PROXY_CHILD: "1-4194305-1.left3" }),
    start({ MCP_SSE_PROXY_CHILD: "x.left4" }),
    start({ MCP_SSE_PROXY_CHILD: "" }),
  ];
  await running(".left", 4);
  expect(await createStrayHunter().killLeftovers(isDeadInstance)).toBeGreaterThanOrEqual(1);
  await within("the end of the leftover", dead.exited);
  expect(living.map(({ pid }) => isRunning(pid))).toEqual(living.map(() => true));
});
