import { describe, expect, test } from "bun:test";
import type { PartName } from "../../scripts/bench/report/parts.ts";
import { Results } from "../../scripts/bench/report/results.ts";
import { targetOutcomes } from "../../scripts/bench/report/targets.ts";

const TITLE = "messages/s of one Streamable HTTP session: at least 8× supergateway's and mcp-proxy's";

function streamableOutcome(rates: Partial<Record<"ours" | "supergateway" | "mcp-proxy", number>>) {
  const results = new Results();
  for (const name of ["ours", "supergateway", "mcp-proxy"] as const) {
    const rate = rates[name];
    if (rate !== undefined) results.add(name, "oneRate", rate);
  }
  const tables = new Map<PartName, Results>([["streamable", results]]);
  return targetOutcomes(tables).find(({ title }) => title === TITLE);
}

describe("the promise for Streamable HTTP", () => {
  test("is met when both others are eight times slower", () => {
    expect(streamableOutcome({ ours: 800, supergateway: 100, "mcp-proxy": 50 })).toMatchObject({ value: 8, met: true });
  });

  test.each([
    { ours: 790, supergateway: 100, "mcp-proxy": 50 },
    { ours: 790, supergateway: 50, "mcp-proxy": 100 },
  ])("is missed when one of them is faster: %o", (rates) => {
    expect(streamableOutcome(rates)).toMatchObject({ value: 7.9, met: false });
  });

  test("has no outcome while one of them was not measured", () => {
    expect(streamableOutcome({ ours: 800, supergateway: 100 })).toMatchObject({ value: undefined, met: undefined });
  });
});

describe("the promises for stateless calls", () => {
  test.each([
    [{ ours: 1.5, supergateway: 75 }, true, true],
    [{ ours: 1.51, supergateway: 70 }, false, false],
    [{ ours: 1, supergateway: 49 }, true, false],
    [{ ours: 1 }, true, undefined],
    [{ supergateway: 400 }, undefined, undefined],
  ])("with p50 of %o milliseconds: fast %p, faster %p", (p50, fast, faster) => {
    const results = new Results();
    for (const [name, ms] of Object.entries(p50)) results.add(name as "ours" | "supergateway", "statelessP50", ms);
    const outcomes = targetOutcomes(new Map([["stateless", results]])).filter(({ title }) =>
      title.includes("stateless"),
    );
    expect(outcomes.map(({ met }) => met)).toEqual([fast, faster]);
  });
});

describe("the promise for shared sessions", () => {
  function outcome(figures: Partial<Record<"sharedPss1000" | "sharedRss1000", number>>) {
    const results = new Results();
    if (figures.sharedPss1000 !== undefined) results.add("ours", "sharedPss1000", figures.sharedPss1000);
    if (figures.sharedRss1000 !== undefined) results.add("ours", "sharedRss1000", figures.sharedRss1000);
    return targetOutcomes(new Map([["shared-sessions", results]])).find(({ title }) => title.includes("share a child"));
  }

  test.each([
    [349, true],
    [350, false],
  ])("goes by PSS: %d MB", (sharedPss1000, met) => {
    expect(outcome({ sharedPss1000, sharedRss1000: 1 })).toMatchObject({
      title: expect.stringContaining("(PSS)"),
      value: sharedPss1000,
      met,
    });
  });

  test("goes by RSS, and says so, where PSS could not be read", () => {
    expect(outcome({ sharedRss1000: 400 })).toMatchObject({
      title: expect.stringContaining("(RSS)"),
      value: 400,
      met: false,
    });
  });
});
