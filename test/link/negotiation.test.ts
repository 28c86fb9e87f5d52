import { describe, expect, test } from "bun:test";
import {
  advance,
  beginNegotiation,
  type NegotiationEvent,
  type NegotiationFacts,
  patienceMs,
  questionsOf,
  type Step,
} from "../../src/link/negotiation.ts";

const PROBE_MS = 100;
const facts = (changes: Partial<NegotiationFacts> = {}): NegotiationFacts => ({
  wanted: "modern",
  known: { legacy: undefined, modern: undefined },
  probeMs: PROBE_MS,
  ...changes,
});

const result = (value: unknown) => ({ kind: "result", result: value }) as const;
const error = (code: number, data?: unknown) => ({ kind: "error", error: { code, message: "no", data } }) as const;
const discover = (
  reply: Extract<NegotiationEvent, { kind: "discover" | "initialize" }>["reply"],
): NegotiationEvent => ({
  kind: "discover",
  reply,
});
const initialize = (
  reply: Extract<NegotiationEvent, { kind: "discover" | "initialize" }>["reply"],
): NegotiationEvent => ({
  kind: "initialize",
  reply,
});

const MODERN = discover(result({ supportedVersions: ["2026-07-28"], capabilities: {} }));
const DUAL = discover(result({ supportedVersions: ["2026-07-28", "2025-11-25"], capabilities: {} }));
const NO_METHOD = discover(error(-32601));
const AGREED = initialize(result({ protocolVersion: "2025-11-25", capabilities: {} }));
const UNSUPPORTED = initialize(error(-32022, { supported: ["2026-07-28"] }));
const REFUSED = initialize(error(-32602));
const ENDED = discover({ kind: "ended" });
const UP: NegotiationEvent = { kind: "up" };
const LATE: NegotiationEvent = { kind: "late" };
const DEADLINE: NegotiationEvent = { kind: "deadline" };

/** What becomes of a negotiation by these events; "…" stands for one that goes on. */
function play(events: readonly NegotiationEvent[], changes: Partial<NegotiationFacts> = {}) {
  const all = facts(changes);
  let step: Step = { state: beginNegotiation(all) };
  for (const event of events) {
    if ("end" in step) throw new Error(`it is over before ${event.kind}`);
    step = advance(step.state, event, all);
  }
  return step;
}

const end = (step: Step) => ("end" in step ? step.end : { kind: "…" as const, in: step.state.kind });
const era = (step: Step) => ("end" in step && step.end.kind === "ready" ? step.end.identity.era : end(step));

describe("the first question", () => {
  test.each([
    ["modern", {}, "discover"],
    ["modern", { modern: false }, "initialize"],
    ["legacy", {}, "initialize"],
    ["legacy", { legacy: false }, "discover"],
    ["legacy", { legacy: true, modern: true }, "initialize"],
  ] as const)("of a %s client's child of which %p is known is %s", (wanted, known, question) => {
    const state = beginNegotiation(facts({ wanted, known: { legacy: undefined, modern: undefined, ...known } }));
    expect(questionsOf(state)).toEqual([question]);
  });

  test("is initialize where nobody is ever asked", () => {
    expect(questionsOf(beginNegotiation(facts({ probeMs: 0 })))).toEqual(["initialize"]);
  });
});

describe("time", () => {
  test("counts from the first sign of life, and twice as long without one", () => {
    const begun = beginNegotiation(facts());
    expect(patienceMs(begun, facts())).toBe(2 * PROBE_MS);
    const up = play([UP]);
    expect("state" in up && patienceMs(up.state, facts())).toBe(PROBE_MS);
  });

  test("is the start's own where the era is known, and where both questions are asked", () => {
    const known = { legacy: undefined, modern: true };
    expect(patienceMs(beginNegotiation(facts({ known })), facts({ known }))).toBe(Number.POSITIVE_INFINITY);
    const both = play([LATE]);
    expect("state" in both && patienceMs(both.state, facts())).toBe(Number.POSITIVE_INFINITY);
    expect("state" in both && questionsOf(both.state)).toEqual(["discover", "initialize"]);
  });

  test("that is over tells nothing of a child that was asked once, and something of one that was asked both ways", () => {
    expect(end(play([DEADLINE]))).toEqual({ kind: "silent", suspected: undefined });
    expect(end(play([LATE, DEADLINE]))).toEqual({ kind: "silent", suspected: { legacy: true, modern: false } });
    expect(end(play([DEADLINE], { wanted: "legacy" }))).toEqual({ kind: "silent", suspected: undefined });
  });
});

describe("a child that was asked one way", () => {
  test("is what it answers", () => {
    expect(era(play([MODERN]))).toBe("modern");
    expect(era(play([NO_METHOD, AGREED]))).toBe("legacy");
    expect(era(play([AGREED], { wanted: "legacy" }))).toBe("legacy");
    expect(end(play([DUAL]))).toMatchObject({ kind: "ready", learnt: { modern: true, legacy: true } });
  });

  test("and ends costs a process where it was not asked as a legacy server is to be", () => {
    expect(end(play([ENDED]))).toEqual({ kind: "restart", learnt: { legacy: true, modern: false }, isCertain: false });
    expect(end(play([NO_METHOD, ENDED]))).toMatchObject({ kind: "restart" });
    expect(end(play([ENDED], { wanted: "legacy" }))).toMatchObject({ kind: "refused", refusal: { kind: "ended" } });
  });

  test("and holds the first question against its client is to be taken anew", () => {
    expect(end(play([NO_METHOD, REFUSED]))).toMatchObject({ kind: "restart", isCertain: true });
  });

  test("and speaks none of our revisions is told apart", () => {
    expect(end(play([discover(error(-32022, { supported: ["2030-01-01"] }))]))).toEqual({
      kind: "unsupported",
      supported: ["2030-01-01"],
    });
  });
});

describe("a child that was slow and has both questions before it", () => {
  test("is modern when it refuses the handshake, in whatever order it answers", () => {
    for (const answers of [
      [MODERN, UNSUPPORTED],
      [UNSUPPORTED, MODERN],
      [MODERN, initialize(error(-32601))],
      [REFUSED, MODERN],
      [MODERN, LATE],
      [MODERN, DEADLINE],
    ]) {
      expect(era(play([LATE, ...answers]))).toBe("modern");
    }
  });

  test("is legacy when it takes the handshake, whatever it said before: an initialize has made it so", () => {
    expect(era(play([LATE, AGREED]))).toBe("legacy");
    expect(era(play([LATE, NO_METHOD, AGREED]))).toBe("legacy");
    // What is asked for next may be either, so nothing is said of its modern side.
    expect(end(play([LATE, DUAL, AGREED]))).toMatchObject({
      kind: "ready",
      identity: { era: "legacy" },
      learnt: { legacy: true },
    });
  });

  test("is lost when it ends, and known for modern if it has said so", () => {
    expect(end(play([LATE, ENDED]))).toMatchObject({ kind: "restart", learnt: { legacy: true, modern: false } });
    expect(end(play([LATE, MODERN, ENDED]))).toEqual({ kind: "restart", learnt: { modern: true }, isCertain: true });
  });
});

describe("a child that refuses the handshake", () => {
  const legacyFirst = { wanted: "legacy" } as const;

  test("and proves that it is modern is used as such, without a limit of its own, also where nobody is ever asked", () => {
    for (const probeMs of [PROBE_MS, 0]) {
      const refused = play([UNSUPPORTED], { ...legacyFirst, probeMs });
      expect("state" in refused && patienceMs(refused.state, facts({ probeMs }))).toBe(Number.POSITIVE_INFINITY);
      expect(end(play([UNSUPPORTED, MODERN], { ...legacyFirst, probeMs }))).toMatchObject({
        kind: "ready",
        learnt: { modern: true, legacy: false },
      });
    }
    expect(end(play([UNSUPPORTED, ENDED], legacyFirst))).toMatchObject({ kind: "restart", isCertain: true });
  });

  test("for another reason is asked, and believed when it is not modern", () => {
    expect(era(play([REFUSED, MODERN], legacyFirst))).toBe("modern");
    for (const last of [NO_METHOD, LATE, DEADLINE, ENDED])
      expect(end(play([REFUSED, last], legacyFirst))).toMatchObject({ kind: "refused", refusal: { kind: "error" } });
    expect(end(play([REFUSED], { ...legacyFirst, probeMs: 0 }))).toMatchObject({ kind: "refused" });
  });
});
