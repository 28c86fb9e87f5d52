import { expect, test } from "bun:test";
import { createCrashBackoff } from "../../src/process/crash-backoff.ts";

/** A backoff with a clock of its own. */
function create() {
  let now = 1_000_000;
  return { ...createCrashBackoff(() => now), pass: (ms: number) => (now += ms) };
}

test("two crashes cost nothing; the third within a minute costs the rest of that minute", () => {
  const backoff = create();
  backoff.crashed("a");
  backoff.pass(20_000);
  backoff.crashed("a");
  expect(backoff.waitMs("a")).toBe(0);
  backoff.pass(20_000);
  backoff.crashed("a");
  expect(backoff.waitMs("a")).toBe(20_000);
  backoff.pass(19_999);
  expect(backoff.waitMs("a")).toBe(1);
  backoff.pass(1);
  expect(backoff.waitMs("a")).toBe(0);
});

test("crashes further apart cost nothing", () => {
  const backoff = create();
  for (let i = 0; i < 10; i++) {
    backoff.crashed("a");
    expect(backoff.waitMs("a")).toBe(0);
    backoff.pass(30_000);
  }
});

test("after the rest one more crash is enough while the earlier ones are recent", () => {
  const backoff = create();
  for (let i = 0; i < 3; i++) {
    backoff.crashed("a");
    backoff.pass(10_000);
  }
  backoff.pass(30_000);
  expect(backoff.waitMs("a")).toBe(0);
  backoff.crashed("a");
  expect(backoff.waitMs("a")).toBe(10_000);
});

test("a server that works has its crashes forgotten, and nobody has another's", () => {
  const backoff = create();
  for (let i = 0; i < 3; i++) backoff.crashed("a");
  expect(backoff.waitMs("b")).toBe(0);
  backoff.worked("a");
  expect(backoff.waitMs("a")).toBe(0);
});

test("a thousand callers are remembered, and those whose last crash is oldest are forgotten", () => {
  const backoff = create();
  for (const key of ["old", "kept"]) for (let i = 0; i < 3; i++) backoff.crashed(key);
  for (let i = 0; i < 998; i++) backoff.crashed(`other ${i}`);
  expect(backoff.waitMs("old")).toBeGreaterThan(0);
  backoff.crashed("kept");
  for (const key of ["one more", "and another"]) backoff.crashed(key);
  expect(backoff.waitMs("old")).toBe(0);
  expect(backoff.waitMs("kept")).toBeGreaterThan(0);
});
