import { expect, test } from "bun:test";
import { createSharedRun } from "../../src/base/shared-run.ts";
import { stopClock } from "../support/fake-clock.ts";

test("all that ask within a window share one run, and the next to ask get the next", async () => {
  let runs = 0;
  const ask = createSharedRun(10, () => Promise.resolve(++runs));
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  expect(await ask()).toBe(2);
});

test("who asks while a run is under way waits for another, which began after the question", async () => {
  using clock = stopClock();
  const happened: string[] = [];
  let finish: () => void = () => undefined;
  const ask = createSharedRun(1, () => {
    happened.push("a run begins");
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
  const first = ask();
  await clock.pass(5);
  const second = ask();
  happened.push("asked again");
  finish();
  await first;
  await clock.pass(5);
  expect(happened).toEqual(["a run begins", "asked again", "a run begins"]);
  finish();
  await second;
});

test("a run that fails fails for all that shared it, and not for the next", async () => {
  let runs = 0;
  const ask = createSharedRun(1, () => (++runs === 1 ? Promise.reject(new Error("broken")) : Promise.resolve("fine")));
  const shared = await Promise.allSettled([ask(), ask()]);
  expect(shared.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await ask()).toBe("fine");
});

test("runs of a costly job are spaced: they take a tenth of the time at most", async () => {
  using clock = stopClock();
  let begun = 0;
  const ask = createSharedRun(1, () => {
    begun++;
    return Bun.sleep(20);
  });
  const first = ask();
  await clock.pass(30);
  await first;
  const second = ask();
  await clock.pass(9 * 20 - 5);
  expect(begun).toBe(1);
  await clock.pass(40);
  await second;
  expect(begun).toBe(2);
});
