import { afterEach, beforeEach, expect, test } from "bun:test";
import { createWatch, type Watch } from "../../src/base/watch.ts";
import { type FakeClock, stopClock } from "../support/fake-clock.ts";

const NEVER = Number.POSITIVE_INFINITY;

let clock: FakeClock;
const watches: Watch[] = [];
beforeEach(() => {
  clock = stopClock();
});
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
  clock[Symbol.dispose]();
});

/** A watch over deadlines that the test moves; it says what is due. */
function create(deadlines: Map<string, number>) {
  const due: string[] = [];
  let checks = 0;
  const watch = createWatch((now) => {
    checks++;
    for (const [name, at] of deadlines) {
      if (at > now) continue;
      due.push(name);
      deadlines.delete(name);
    }
    return Math.min(NEVER, ...deadlines.values());
  });
  watches.push(watch);
  return { due, checks: () => checks, watch };
}

const inMs = (ms: number) => performance.now() + ms;

test("deadlines are met in their order, whichever was told first", async () => {
  const deadlines = new Map([
    ["late", inMs(60)],
    ["early", inMs(20)],
  ]);
  const { due, watch } = create(deadlines);
  watch.expect(deadlines.get("late") ?? NEVER);
  watch.expect(deadlines.get("early") ?? NEVER);
  await clock.pass(25);
  expect(due).toEqual(["early"]);
  await clock.pass(40);
  expect(due).toEqual(["early", "late"]);
});

test("a later deadline does not put off an earlier one", async () => {
  const early = inMs(20);
  const { due, watch } = create(
    new Map([
      ["early", early],
      ["late", inMs(600_000)],
    ]),
  );
  watch.expect(early);
  watch.expect(inMs(600_000));
  await clock.pass(25);
  expect(due).toEqual(["early"]);
});

test("a deadline that moves away costs one look, and is met when it is due", async () => {
  const deadlines = new Map([["moving", inMs(10)]]);
  const { due, checks, watch } = create(deadlines);
  watch.expect(deadlines.get("moving") ?? NEVER);
  deadlines.set("moving", inMs(60));
  await clock.pass(40);
  expect([due, checks()]).toEqual([[], 1]);
  await clock.pass(25);
  expect([due, checks()]).toEqual([["moving"], 2]);
});

test("none is met too soon", async () => {
  const at = inMs(30.7);
  let metAt = 0;
  const watch = createWatch((now) => {
    if (now < at) return at;
    metAt = now;
    return NEVER;
  });
  watches.push(watch);
  watch.expect(at);
  await clock.pass(40);
  expect(metAt).toBeGreaterThanOrEqual(at);
});

test("one that no timer can hold is not met at once", async () => {
  const { due, checks, watch } = create(new Map([["far", inMs(2 ** 40)]]));
  watch.expect(inMs(2 ** 40));
  await clock.pass(1_000);
  expect(due).toEqual([]);
  expect(checks()).toBe(0);
});

test("after Infinity it rests until something is expected again", async () => {
  const deadlines = new Map([["first", inMs(0)]]);
  const { due, checks, watch } = create(deadlines);
  watch.expect(0);
  await clock.pass(10);
  expect(due).toEqual(["first"]);
  const seen = checks();
  await clock.pass(1_000);
  expect(checks()).toBe(seen);
  deadlines.set("second", inMs(5));
  watch.expect(inMs(5));
  await clock.pass(10);
  expect(due).toEqual(["first", "second"]);
});

test("closed, it never looks again, whatever is expected", async () => {
  const { checks, watch } = create(new Map([["x", 0]]));
  watch.expect(inMs(5));
  watch.close();
  watch.expect(0);
  await clock.pass(1_000);
  expect(checks()).toBe(0);
});

test("closed from within a look, it stays closed", async () => {
  let checks = 0;
  const watch: Watch = createWatch(() => {
    checks++;
    watch.close();
    return 0;
  });
  watch.expect(0);
  await clock.pass(1_000);
  expect(checks).toBe(1);
});
