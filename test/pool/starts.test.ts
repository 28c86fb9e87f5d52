import { describe, expect, test } from "bun:test";
import { createStarts, type StartTicket } from "../../src/pool/starts.ts";
import { eventually } from "../support/eventually.ts";

/** Starts in the hand of the test. */
function setUp(unwantedMs?: number) {
  const starts = createStarts(unwantedMs);
  const begun: (StartTicket & { readonly end: () => void; readonly fail: () => void })[] = [];
  const join = (signal = new AbortController().signal, mayBegin = false) =>
    starts.join({
      signal,
      mayBegin: () => mayBegin,
      begin: (ticket) => {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        begun.push({ ...ticket, end: resolve, fail: () => reject(new Error("failed")) });
        return promise;
      },
    });
  return { starts, begun, join };
}

describe("a start", () => {
  test("is shared by all who ask, but for those who may have one of their own", async () => {
    const { starts, begun, join } = setUp();
    const waiting = [join(), join(), join(undefined, true), join()];
    expect([begun.length, starts.underWay()]).toEqual([2, 2]);
    for (const { end } of begun) end();
    await Promise.all(waiting);
    expect(starts.underWay()).toBe(0);
  });

  test("lets its waiters go at once, and is dropped with the last of them as long as it has not begun", async () => {
    const { begun, join } = setUp();
    const leaver = new AbortController();
    const left = join(leaver.signal);
    leaver.abort();
    await left;
    expect(begun[0]?.signal.aborted).toBe(true);
    // Nobody joins what is being dropped.
    void join();
    expect(begun.length).toBe(2);
    begun[0]?.fail();
    begun[1]?.end();
  });

  test("that has begun goes on, is joined by the next, and fails for nobody when nobody is there", async () => {
    const { starts, begun, join } = setUp();
    const leaver = new AbortController();
    const left = join(leaver.signal);
    begun[0]?.onBegun();
    leaver.abort();
    await left;
    expect(begun[0]?.signal.aborted).toBe(false);
    const next = join(undefined, true);
    expect(begun.length).toBe(1);
    begun[0]?.fail();
    await expect(next).rejects.toThrow("failed");
    await eventually("its end", () => starts.underWay() === 0);
  });

  test("is not wanted without end where there is no deadline of its own", async () => {
    const { begun, join } = setUp(1);
    const leaver = new AbortController();
    const left = join(leaver.signal);
    begun[0]?.onBegun();
    leaver.abort();
    await left;
    await eventually("its end", () => begun[0]?.signal.aborted === true);
    begun[0]?.fail();
  });

  test("ends with all others", () => {
    const { starts, begun, join } = setUp();
    void join().catch(() => undefined);
    begun[0]?.onBegun();
    starts.abandonAll();
    expect(begun[0]?.signal.aborted).toBe(true);
    begun[0]?.fail();
  });
});
