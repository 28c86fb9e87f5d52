import { describe, expect, test } from "bun:test";
import { createFailureLimiter } from "../../src/guard/failure-limit.ts";

describe("createFailureLimiter", () => {
  test("A5: of 1,000 wrong guesses at once, 20 are compared and the rest told to wait", () => {
    const limiter = createFailureLimiter({ now: () => 0 });
    let compared = 0;
    for (let guess = 0; guess < 1000; guess++) {
      if (!limiter.check("a").allowed) continue;
      compared++;
      limiter.fail("a");
    }
    expect(compared).toBe(20);
    expect(limiter.check("a")).toEqual({ allowed: false, retryAfterSeconds: 6 });
  });

  test("A5: after the burst, ten a minute are compared", () => {
    let clock = 0;
    const limiter = createFailureLimiter({ now: () => clock });
    for (let guess = 0; guess < 20; guess++) limiter.fail("a");
    clock += 5999;
    expect(limiter.check("a").allowed).toBe(false);
    clock += 1;
    expect(limiter.check("a").allowed).toBe(true);
    limiter.fail("a");
    expect(limiter.check("a").allowed).toBe(false);
  });

  test("asking costs nothing, so a client with the right secret is never limited", () => {
    const limiter = createFailureLimiter({ failuresPerMinute: 1, burst: 2, now: () => 0 });
    limiter.fail("a");
    for (let request = 0; request < 1000; request++) expect(limiter.check("a").allowed).toBe(true);
    limiter.fail("a");
    expect(limiter.check("a").allowed).toBe(false);
  });

  test("one client's guesses do not limit another", () => {
    const limiter = createFailureLimiter({ burst: 1, now: () => 0 });
    limiter.fail("a");
    expect(limiter.check("a").allowed).toBe(false);
    expect(limiter.check("b")).toEqual({ allowed: true, retryAfterSeconds: 0 });
  });

  test("A5: the table is bounded", () => {
    const limiter = createFailureLimiter({ maxClients: 100, now: () => 0 });
    for (let index = 0; index < 1000; index++) limiter.fail(`${index}`);
    expect(limiter.size).toBe(100);
  });

  test("cannot be switched off", () => {
    expect(() => createFailureLimiter({ failuresPerMinute: 0 })).toThrow(RangeError);
    expect(() => createFailureLimiter({ burst: 0 })).toThrow(RangeError);
  });
});
