import { describe, expect, test } from "bun:test";
import type { ProtocolName } from "../../scripts/bench/protocol.ts";
import { Results } from "../../scripts/bench/results.ts";
import { targetOutcomes } from "../../scripts/bench/targets.ts";

const TITLE = "messages/s of one Streamable HTTP session: at least 8× supergateway's and mcp-proxy's";

function streamableOutcome(rates: Partial<Record<"ours" | "supergateway" | "mcp-proxy", number>>) {
  const results = new Results();
  for (const name of ["ours", "supergateway", "mcp-proxy"] as const) {
    const rate = rates[name];
    if (rate !== undefined) results.add(name, "oneRate", rate);
  }
  const tables = new Map<ProtocolName, Results>([["streamable", results]]);
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
