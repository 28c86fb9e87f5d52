import { describe, expect, test } from "bun:test";
import { type Admission, createAdmission, type Turn } from "../../src/process/admission.ts";

const FOR_EVER_MS = 600_000;
const nobody = new AbortController().signal;

async function enter(admission: Admission, signal: AbortSignal = nobody): Promise<Turn> {
  const turn = await admission.enter(FOR_EVER_MS, signal);
  if (typeof turn === "string") throw new Error(turn);
  return turn;
}

/** Lets what can go on go on, so that what does not was made to wait. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("turns to start a child", () => {
  test("are given at once up to the limit, then in the order of arrival", async () => {
    const admission = createAdmission(2);
    const first = await enter(admission);
    const second = await enter(admission);
    const order: string[] = [];
    const third = enter(admission).then((turn) => {
      order.push("third");
      return turn;
    });
    const fourth = enter(admission).then((turn) => {
      order.push("fourth");
      return turn;
    });
    await settle();
    expect(order).toEqual([]);
    expect(admission.waiting()).toBe(2);
    second();
    await settle();
    expect(order).toEqual(["third"]);
    first();
    (await third)();
    (await fourth)();
    expect(order).toEqual(["third", "fourth"]);
    expect(admission.waiting()).toBe(0);
  });

  test("released twice count once", async () => {
    const admission = createAdmission(1);
    const first = await enter(admission);
    first();
    first();
    const second = await enter(admission);
    const other = enter(admission);
    await settle();
    expect(admission.waiting()).toBe(1);
    first();
    await settle();
    expect(admission.waiting()).toBe(1);
    second();
    (await other)();
  });

  test("are unlimited with 0", async () => {
    const admission = createAdmission(0);
    await Promise.all(Array.from({ length: 100 }, () => enter(admission)));
    expect(admission.waiting()).toBe(0);
  });
});

describe("who waits for a turn", () => {
  test("and leaves goes at once, and the turn goes to the next", async () => {
    const admission = createAdmission(1);
    const first = await enter(admission);
    const leaver = new AbortController();
    const left = admission.enter(FOR_EVER_MS, leaver.signal);
    const next = enter(admission);
    leaver.abort();
    expect(await left).toBe("cancelled");
    expect(admission.waiting()).toBe(1);
    first();
    expect(await next).toBeFunction();
  });

  test("and left already is told so, and takes no turn", async () => {
    const admission = createAdmission(1);
    expect(await admission.enter(FOR_EVER_MS, AbortSignal.abort())).toBe("cancelled");
    expect(await enter(admission)).toBeFunction();
  });

  test("for too long is told so, and the turn is not lost", async () => {
    const admission = createAdmission(1);
    const first = await enter(admission);
    expect(await admission.enter(5, nobody)).toBe("timeout");
    expect(admission.waiting()).toBe(0);
    first();
    expect(await enter(admission)).toBeFunction();
  });

  test("and leaves after the turn was given keeps it until it is released", async () => {
    const admission = createAdmission(1);
    const leaver = new AbortController();
    const turn = await enter(admission, leaver.signal);
    leaver.abort();
    const next = enter(admission);
    await settle();
    expect(admission.waiting()).toBe(1);
    turn();
    expect(await next).toBeFunction();
  });
});
