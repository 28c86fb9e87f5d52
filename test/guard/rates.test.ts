import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createRates } from "../../src/guard/rates.ts";

const OWNER = { id: "owner" };
const SETTINGS = {
  ...{ requestsPerMinute: 60, burst: 2 },
  ...{ messagesPerMinute: 600, messagesBurst: 20, startsPerMinute: 30, startsBurst: 3 },
};

/** How often it can be done at once, and the refusal after that. */
function untilRefused(act: () => void): readonly [number, ProxyError | undefined] {
  for (let times = 0; times < 1000; times++) {
    try {
      act();
    } catch (error) {
      return [times, error instanceof ProxyError ? error : undefined];
    }
  }
  return [1000, undefined];
}

describe("createRates", () => {
  test("limits strangers, messages and starts each for itself", () => {
    const rates = createRates(SETTINGS);
    expect(untilRefused(() => rates.admitStranger("192.0.2.1"))[0]).toBe(2);
    expect(untilRefused(() => rates.admitMessages(OWNER, "192.0.2.1", 1))[0]).toBe(20);
    expect(untilRefused(() => rates.admitStart(OWNER, "192.0.2.1"))[0]).toBe(3);
  });

  test("limits each principal at each address", () => {
    const rates = createRates(SETTINGS);
    for (const [principal, address] of [
      [OWNER, "192.0.2.1"],
      [OWNER, "192.0.2.2"],
      [{ id: "other" }, "192.0.2.1"],
    ] as const) {
      expect(untilRefused(() => rates.admitStart(principal, address))[0]).toBe(3);
    }
  });

  test("names the setting and the seconds, in the text and in the fields", () => {
    const rates = createRates(SETTINGS);
    const [, messages] = untilRefused(() => rates.admitMessages(OWNER, "192.0.2.1", 1));
    expect(messages?.message).toMatch(/rateLimit\.messagesPerMinute.* 1 s\.$/);
    expect(messages?.fields).toEqual({ "ratelimit-policy": '"messages";q=600;w=60', ratelimit: '"messages";r=0;t=1' });
    const [, starts] = untilRefused(() => rates.admitStart(OWNER, "192.0.2.1"));
    expect([starts?.code, starts?.retryAfterSeconds]).toEqual(["rate_limited", 2]);
    expect(starts?.message).toMatch(/rateLimit\.startsPerMinute.* 2 s\.$/);
    const [, stranger] = untilRefused(() => rates.admitStranger("192.0.2.1"));
    expect(stranger?.message).toMatch(/valid token.* 1 s\.$/);
  });

  test("counts each request of a batch, and lets one in that is larger than the burst", () => {
    const rates = createRates(SETTINGS);
    expect(untilRefused(() => rates.admitMessages(OWNER, "192.0.2.1", 6))[0]).toBe(3);
    expect(untilRefused(() => rates.admitMessages(OWNER, "192.0.2.2", 100))[0]).toBe(1);
  });

  test("has no limit where a rate is 0", () => {
    const rates = createRates({ ...SETTINGS, requestsPerMinute: 0, messagesPerMinute: 0, startsPerMinute: 0 });
    expect(untilRefused(() => rates.admitStranger("a"))[0]).toBe(1000);
    expect(untilRefused(() => rates.admitMessages(OWNER, "a", 100))[0]).toBe(1000);
    expect(untilRefused(() => rates.admitStart(OWNER, "a"))[0]).toBe(1000);
  });
});
