import { describe, expect, test } from "bun:test";
import { Results } from "../../scripts/bench/report/results.ts";
import { tableLines } from "../../scripts/bench/report/table.ts";

describe("a table", () => {
  test.each([
    [0.00184, "0.0018×"],
    [0.5, "0.50×"],
  ])("shows a ratio of %d as %s", (ours, shown) => {
    const results = new Results();
    results.add("ours", "statelessP50", ours);
    results.add("supergateway", "statelessP50", 1);
    const lines = tableLines({ part: "stateless", results, names: ["ours", "supergateway"] });
    expect(lines).toContain(`| one call at a time: round trip, p50 (ms) | ${ours.toFixed(2)} | 1.00 | ${shown} |`);
  });

  test("says in one line why figures are missing, however many the gateway's words are", () => {
    const results = new Results();
    results.absent("ours", "statelessP50", "ended with 1:\nthe configuration\n  cannot be used");
    const lines = tableLines({ part: "stateless", results, names: ["ours"] });
    expect(lines.at(-1)).toBe(
      "- n/a for ours: ended with 1: the configuration cannot be used (one call at a time: round trip, p50)",
    );
  });
});
