import { expect, test } from "bun:test";
import { createSharedRun } from "../../src/base/shared-run.ts";

test("all that ask within a window share one run, and the next to ask get the next", async () => {
  let runs = 0;
  const ask = createSharedRun(10, () => Promise.resolve(++runs));
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  expect(await ask()).toBe(2);
});

test("who asks while a run is under way waits for another, which began after the question", async () => {
  const began: number[] = [];
  let finish: () => void = () => undefined;
  const ask = createSharedRun(1, () => {
    began.push(performance.now());
    return new Promise<number>((resolve) => {
      const number = began.length;
      finish = () => resolve(number);
      if (number > 1) finish();
    });
  });
  const first = ask();
  while (began.length === 0) await Bun.sleep(1);
  const asked = performance.now();
  const second = ask();
  finish();
  expect(await first).toBe(1);
  expect(await second).toBe(2);
  expect(began[1]).toBeGreaterThanOrEqual(asked);
});

test("a run that fails fails for all that shared it, and not for the next", async () => {
  let runs = 0;
  const ask = createSharedRun(1, () => (++runs === 1 ? Promise.reject(new Error("broken")) : Promise.resolve("fine")));
  const shared = await Promise.allSettled([ask(), ask()]);
  expect(shared.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await ask()).toBe("fine");
});

test("runs of a costly job are spaced: they take a tenth of the time at most", async () => {
  const ask = createSharedRun(1, () => Bun.sleep(20));
  await ask();
  const since = performance.now();
  await ask();
  expect(performance.now() - since).toBeGreaterThan(9 * 15);
});
