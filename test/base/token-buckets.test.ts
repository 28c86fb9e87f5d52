import { beforeEach, describe, expect, test } from "bun:test";
import { TokenBuckets } from "../../src/base/token-buckets.ts";

let clock = 0;
beforeEach(() => {
  clock = 1_000_000;
});

function make(capacity: number, refillPerMinute: number, maxBuckets = 100): TokenBuckets {
  return new TokenBuckets({ capacity, refillPerMinute, maxBuckets, now: () => clock });
}

function takes(buckets: TokenBuckets, key: string, times: number): number {
  let allowed = 0;
  for (let index = 0; index < times; index++) if (buckets.take(key).allowed) allowed++;
  return allowed;
}

describe("TokenBuckets", () => {
  test("gives as many tokens at once as a bucket holds, and tells what is left", () => {
    const buckets = make(3, 60);
    expect(buckets.take("a")).toEqual({ allowed: true, remaining: 2, nextTokenSeconds: 1 });
    expect(buckets.take("a")).toEqual({ allowed: true, remaining: 1, nextTokenSeconds: 1 });
    expect(buckets.take("a")).toEqual({ allowed: true, remaining: 0, nextTokenSeconds: 1 });
    expect(buckets.take("a")).toEqual({ allowed: false, remaining: 0, nextTokenSeconds: 1 });
  });

  test("refills steadily, up to what a bucket holds and no further", () => {
    const buckets = make(3, 60);
    expect(takes(buckets, "a", 5)).toBe(3);
    clock += 999;
    expect(takes(buckets, "a", 5)).toBe(0);
    clock += 1;
    expect(takes(buckets, "a", 5)).toBe(1);
    clock += 3_600_000;
    expect(takes(buckets, "a", 5)).toBe(3);
  });

  test("a refusal costs nothing", () => {
    const buckets = make(1, 60);
    expect(takes(buckets, "a", 1000)).toBe(1);
    clock += 1000;
    expect(buckets.take("a").allowed).toBe(true);
  });

  test("rounds the wait up to whole seconds, so that who waits so long is let in", () => {
    const buckets = make(1, 7);
    buckets.take("a");
    const { nextTokenSeconds } = buckets.take("a");
    expect(nextTokenSeconds).toBe(9);
    clock += 8000;
    expect(buckets.take("a")).toEqual({ allowed: false, remaining: 0, nextTokenSeconds: 1 });
    clock += 1000;
    expect(buckets.take("a").allowed).toBe(true);
  });

  test("fractions of a millisecond never cost a token", () => {
    for (const rate of [7, 100, 333, 999]) {
      const buckets = make(10, rate);
      expect(takes(buckets, "a", 10)).toBe(10);
      for (let round = 0; round < 1000; round++) {
        clock += 60_000 / rate;
        expect(buckets.peek("a").remaining).toBe(1);
        expect(buckets.take("a").allowed).toBe(true);
      }
      expect(buckets.take("a").allowed).toBe(false);
    }
  });

  test("over a long time lets through the burst and the rate, no more", () => {
    const buckets = make(10, 100);
    let allowed = 0;
    for (let step = 0; step < 60_000; step += 50) {
      if (buckets.take("a").allowed) allowed++;
      clock += 50;
    }
    expect(allowed).toBe(109);
  });

  test("keys don't share a bucket", () => {
    const buckets = make(1, 60);
    expect(takes(buckets, "a", 2)).toBe(1);
    expect(takes(buckets, "b", 2)).toBe(1);
  });

  test("peek tells what a take would do, takes nothing and remembers nobody", () => {
    const buckets = make(2, 60);
    expect(buckets.peek("a")).toEqual({ allowed: true, remaining: 2, nextTokenSeconds: 0 });
    expect(buckets.size).toBe(0);
    takes(buckets, "a", 2);
    for (let index = 0; index < 3; index++) {
      expect(buckets.peek("a")).toEqual({ allowed: false, remaining: 0, nextTokenSeconds: 1 });
    }
    clock += 1000;
    expect(buckets.peek("a")).toEqual({ allowed: true, remaining: 1, nextTokenSeconds: 1 });
    expect(buckets.take("a").allowed).toBe(true);
  });

  test("forgets the buckets that are full again while others are used", () => {
    const buckets = make(2, 60);
    for (let index = 0; index < 50; index++) buckets.take(`old${index}`);
    expect(buckets.size).toBe(50);
    clock += 1000;
    for (let index = 0; index < 25; index++) buckets.take("new");
    expect(buckets.size).toBe(1);
  });

  test("forgets none that is not full: others cannot give a client its tokens back", () => {
    const buckets = make(2, 60);
    takes(buckets, "a", 2);
    clock += 1000;
    for (let index = 0; index < 50; index++) buckets.take(`other${index}`);
    expect(takes(buckets, "a", 2)).toBe(1);
  });

  test("at the bound drops the bucket used longest ago, and keeps one that is in use", () => {
    const buckets = make(1, 1, 3);
    for (const key of ["a", "b", "c"]) buckets.take(key);
    buckets.take("a");
    buckets.take("d");
    expect(buckets.size).toBe(3);
    expect(buckets.peek("a").allowed).toBe(false);
    expect(buckets.peek("c").allowed).toBe(false);
    expect(buckets.peek("d").allowed).toBe(false);
    expect(buckets.peek("b").allowed).toBe(true);
  });

  test("is bounded under a hundred thousand keys", () => {
    const buckets = make(1, 1, 1000);
    for (let index = 0; index < 100_000; index++) buckets.take(`key${index}`);
    expect(buckets.size).toBe(1000);
  });

  test("a bound of one works", () => {
    const buckets = make(1, 1, 1);
    for (const key of ["a", "b", "a", "a"]) buckets.take(key);
    expect(buckets.size).toBe(1);
    expect(buckets.peek("a").allowed).toBe(false);
  });

  test.each([
    [0, 60, 10],
    [Number.NaN, 60, 10],
    [1, 0, 10],
    [1, -1, 10],
    [1, 60, 0],
  ])("refuses a capacity of %p, a refill of %p, a bound of %p", (capacity, refill, bound) => {
    expect(() => make(capacity, refill, bound)).toThrow(RangeError);
  });
});
