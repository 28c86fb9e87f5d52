import { describe, expect, test } from "bun:test";
import { createParking, type ParkedCall } from "../../src/stateless/parked-calls.ts";
import { eventually } from "../support/eventually.ts";

const BINDING = { caller: "me", request: () => "this" };

function call(): ParkedCall<string> & { readonly expired: () => number } {
  let expired = 0;
  return {
    check: () => Promise.resolve(),
    resume: () => {},
    leave: () => {},
    expire: () => {
      expired++;
    },
    expired: () => expired,
  };
}

/** Why a state is refused. */
const refusal = (take: () => unknown): string => {
  try {
    take();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return "taken";
};

describe("a parked call", () => {
  test("is given back once, to whoever has its state and is bound as it is", () => {
    const parking = createParking<string>(0);
    const parked = call();
    const state = parking.park(parked, BINDING, 0);
    expect(refusal(() => parking.take(state, { ...BINDING, caller: "you" }))).toBe("request_state_refused");
    expect(refusal(() => parking.take(state, { ...BINDING, request: () => "that" }))).toBe("request_state_refused");
    expect(refusal(() => createParking<string>(0).take(state, BINDING))).toBe("request_state_refused");
    expect(parking.take(state, BINDING)).toBe(parked);
    expect(refusal(() => parking.take(state, BINDING))).toBe("request_state_refused");
    expect(parking.size()).toBe(0);
  });

  test("has another state in each round, and those from before are worth nothing", () => {
    const parking = createParking<string>(0);
    const parked = call();
    const first = parking.park(parked, BINDING, 0);
    parking.take(first, BINDING);
    const second = parking.park(parked, BINDING, 0);
    expect(refusal(() => parking.take(first, BINDING))).toBe("request_state_refused");
    expect(parking.take(second, BINDING)).toBe(parked);
  });

  test("expires once when its time is over, whatever waits longer, and is gone then", async () => {
    const parking = createParking<string>(0);
    const [long, short, forEver] = [call(), call(), call()];
    const longState = parking.park(long, BINDING, 60_000);
    const shortState = parking.park(short, BINDING, 20);
    parking.park(forEver, BINDING, 0);
    await eventually("its end", () => short.expired() === 1);
    expect(refusal(() => parking.take(shortState, BINDING))).toBe("request_state_refused");
    expect([long.expired(), forEver.expired()]).toEqual([0, 0]);
    expect(parking.take(longState, BINDING)).toBe(long);
    parking.clear();
    expect([long.expired(), short.expired(), forEver.expired()]).toEqual([0, 1, 1]);
  });

  test("of one caller leaves half of the places to others", () => {
    const parking = createParking<string>(4);
    const states = [parking.park(call(), BINDING, 0), parking.park(call(), BINDING, 0)];
    expect(refusal(() => parking.park(call(), BINDING, 0))).toBe("parked_limit");
    expect(refusal(() => parking.park(call(), { ...BINDING, caller: "you" }, 0))).toBe("taken");
    parking.take(states[0] ?? "", BINDING);
    expect(refusal(() => parking.park(call(), BINDING, 0))).toBe("taken");
  });

  test("is looked for before its request is, which may be costly to compare", () => {
    const parking = createParking<string>(0);
    const request = () => {
      throw new Error("compared");
    };
    const state = parking.park(call(), BINDING, 0);
    expect(refusal(() => parking.take(`${state}x`, { ...BINDING, request }))).toBe("request_state_refused");
    parking.take(state, BINDING);
    expect(refusal(() => parking.take(state, { ...BINDING, request }))).toBe("request_state_refused");
  });

  test("does not find a place beyond the limit, and does as soon as one is free", () => {
    const parking = createParking<string>(1);
    const state = parking.park(call(), BINDING, 0);
    expect(refusal(() => parking.park(call(), BINDING, 0))).toBe("parked_limit");
    parking.take(state, BINDING);
    expect(refusal(() => parking.park(call(), BINDING, 0))).toBe("taken");
  });
});
