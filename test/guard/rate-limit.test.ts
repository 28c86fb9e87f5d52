import { describe, expect, test } from "bun:test";
import { createRateLimiter } from "../../src/guard/rate-limit.ts";

describe("createRateLimiter", () => {
  test("by default's numbers lets ten requests through at once and then one each 0.6 s", () => {
    let clock = 0;
    const limiter = createRateLimiter({ requestsPerMinute: 100, burst: 10, now: () => clock });
    const decisions = Array.from({ length: 12 }, () => limiter.take("a"));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(decisions[0]).toEqual({ allowed: true, remaining: 9, retryAfterSeconds: 0, resetSeconds: 1 });
    expect(decisions[11]).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 1, resetSeconds: 1 });
    clock += 599;
    expect(limiter.take("a").allowed).toBe(false);
    clock += 1;
    expect(limiter.take("a").allowed).toBe(true);
  });

  test("clients have a bucket each", () => {
    const limiter = createRateLimiter({ requestsPerMinute: 1, burst: 1, now: () => 0 });
    expect(["a", "b", "a", "b"].map((key) => limiter.take(key).allowed)).toEqual([true, true, false, false]);
    expect(limiter.size).toBe(2);
  });

  test("is bounded in number, 10,000 by default", () => {
    const limiter = createRateLimiter({ requestsPerMinute: 1, burst: 1, now: () => 0 });
    for (let index = 0; index < 10_500; index++) limiter.take(`${index}`);
    expect(limiter.size).toBe(10_000);
    const small = createRateLimiter({ requestsPerMinute: 1, burst: 1, maxClients: 2, now: () => 0 });
    for (const key of ["a", "b", "c"]) small.take(key);
    expect(small.size).toBe(2);
  });

  test("0 requests a minute switches it off, whatever the burst", () => {
    const limiter = createRateLimiter({ requestsPerMinute: 0, burst: 0 });
    for (let index = 0; index < 1000; index++) expect(limiter.take("a").allowed).toBe(true);
    expect(limiter.fields(limiter.take("a"))).toEqual({});
    expect(limiter.size).toBe(0);
  });

  test("takes several requests at once or none of them, and says when all of them could be", () => {
    const limiter = createRateLimiter({ requestsPerMinute: 60, burst: 10, now: () => 0 });
    expect(limiter.take("a", 6)).toEqual({ allowed: true, remaining: 4, retryAfterSeconds: 0, resetSeconds: 1 });
    expect(limiter.take("a", 6)).toEqual({ allowed: false, remaining: 4, retryAfterSeconds: 2, resetSeconds: 1 });
    expect(limiter.take("b", 100).allowed).toBe(true);
  });

  test("runs on a clock of its own when none is given", () => {
    const limiter = createRateLimiter({ requestsPerMinute: 1, burst: 1 });
    expect(limiter.take("a").allowed).toBe(true);
    expect(limiter.take("a")).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 60, resetSeconds: 60 });
  });

  test("refuses numbers that make no limit", () => {
    expect(() => createRateLimiter({ requestsPerMinute: -1, burst: 10 })).toThrow(RangeError);
    expect(() => createRateLimiter({ requestsPerMinute: 100, burst: 0 })).toThrow(RangeError);
  });
});

describe("fields", () => {
  test("are those of draft-ietf-httpapi-ratelimit-headers", () => {
    const limiter = createRateLimiter({ requestsPerMinute: 100, burst: 10, now: () => 0 });
    expect(limiter.fields(limiter.take("a"))).toEqual({
      "ratelimit-policy": '"default";q=100;w=60',
      ratelimit: '"default";r=9;t=1',
    });
  });
});
