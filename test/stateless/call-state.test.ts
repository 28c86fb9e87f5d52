import { describe, expect, test } from "bun:test";
import { type CallState, createCallStates } from "../../src/stateless/call-state.ts";
import { createFakeRound } from "./fake-round.ts";

const { round } = createFakeRound();

/** The steps of a call, and what they did. */
function make() {
  const effects: string[] = [];
  const note = (what: string) => () => void effects.push(what);
  const states = createCallStates(round, {
    run: note("run"),
    pause: note("pause"),
    setParked: (isParked) => void effects.push(isParked ? "parked" : "back"),
    giveBack: note("given back"),
  });
  const states_ = {
    running: { kind: "running", round },
    gathering: () => ({ kind: "gathering", round, timer: setTimeout(() => effects.push("late"), 0) }) as const,
    parked: { kind: "parked", outcome: undefined },
    answering: { kind: "answering", round, giveUp: note("given up") },
    over: { kind: "over" },
  } as const;
  return { ...states, effects, to: states_ };
}

describe("the state of a call", () => {
  test("starts, and lets time run while it is the server's turn and at no other time", () => {
    const { current, enter, effects, to } = make();
    expect(current()).toEqual({ kind: "starting", round });
    enter(to.running);
    enter(to.gathering());
    enter(to.parked);
    enter(to.running);
    enter(to.over);
    expect(effects).toEqual(["run", "pause", "parked", "back", "run", "pause", "given back"]);
  });

  test("has its place counted as free while it is parked, however that ends", () => {
    for (const next of ["running", "over", "answering"] as const) {
      const { enter, effects, to } = make();
      enter(to.parked);
      enter(to[next]);
      expect(effects.slice(0, 2)).toEqual(["parked", "back"]);
    }
  });

  test("ends what it was waiting for when it is left", async () => {
    const { enter, effects, to } = make();
    enter(to.gathering());
    enter(to.answering);
    enter(to.running);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(effects).toEqual(["given up", "run"]);
  });

  test("is over once, and nothing begins after that", async () => {
    const { current, enter, effects, to } = make();
    enter(to.over);
    for (const next of [to.running, to.parked, to.answering, to.gathering(), to.over] satisfies CallState[])
      enter(next);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(current().kind).toBe("over");
    // What came too late is let go of, and was never entered.
    expect(effects).not.toContain("run");
    expect(effects.filter((effect) => effect === "given back")).toEqual(["given back"]);
    expect(effects).not.toContain("late");
  });
});
