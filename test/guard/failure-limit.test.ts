import { describe, expect, test } from "bun:test";
import { createFailureLimiter } from "../../src/guard/failure-limit.ts";

describe("createFailureLimiter", () => {
  test("A5: of 1,000 wrong secrets at once, 20 are answered as such and the rest told to wait", () => {
    const limiter = createFailureLimiter({ now: () => 0 });
    const decisions = Array.from({ length: 1000 }, () => limiter.fail("a"));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(20);
    expect(decisions.at(-1)).toEqual({ allowed: false, retryAfterSeconds: 6 });
  });

  test("A5: after the burst, ten a minute are", () => {
    let clock = 0;
    const limiter = createFailureLimiter({ now: () => clock });
    for (let guess = 0; guess < 20; guess++) limiter.fail("a");
    clock += 5999;
    expect(limiter.fail("a").allowed).toBe(false);
    clock += 1;
    expect(limiter.fail("a").allowed).toBe(true);
    expect(limiter.fail("a").allowed).toBe(false);
  });

  test("one client's guesses do not limit another", () => {
    const limiter = createFailureLimiter({ burst: 1, now: () => 0 });
    limiter.fail("a");
    expect(limiter.fail("a").allowed).toBe(false);
    expect(limiter.fail("b")).toEqual({ allowed: true, retryAfterSeconds: 0 });
  });

  test("A5: many addresses are limited together, and one that is over its own limit takes nothing of it", () => {
    const limiter = createFailureLimiter({ failuresOfAllPerMinute: 100, now: () => 0 });
    for (let guess = 0; guess < 1000; guess++) limiter.fail("a");
    const others = Array.from({ length: 100 }, (_, index) => limiter.fail(`${index}`));
    expect(others.filter(({ allowed }) => allowed)).toHaveLength(80);
    expect(others.at(-1)).toEqual({ allowed: false, retryAfterSeconds: 1 });
  });

  test("A5: the table is bounded", () => {
    const limiter = createFailureLimiter({ maxClients: 100, now: () => 0 });
    for (let index = 0; index < 1000; index++) limiter.fail(`${index}`);
    expect(limiter.size).toBe(100);
  });

  test("cannot be switched off", () => {
    expect(() => createFailureLimiter({ failuresPerMinute: 0 })).toThrow(RangeError);
    expect(() => createFailureLimiter({ failuresOfAllPerMinute: 0 })).toThrow(RangeError);
    expect(() => createFailureLimiter({ burst: 0 })).toThrow(RangeError);
  });
});
