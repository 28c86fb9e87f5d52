import { describe, expect, test } from "bun:test";
import { createLineBudget } from "../../src/process/line-budget.ts";

/** How many of so many lines may be logged. */
function logged(budget: { readonly take: () => boolean }, lines: number): number {
  return Array.from({ length: lines }, budget.take).filter(Boolean).length;
}

describe("a child's lines in the log", () => {
  test("are all logged up to the burst, and then at the rate, with a count of what was left out", () => {
    let now = 0;
    const budget = createLineBudget(() => now);
    expect(logged(budget, 1_000)).toBe(1_000);
    expect(budget.takeLeftOut()).toBe(0);
    expect(logged(budget, 500)).toBe(0);
    now = 20;
    expect(logged(budget, 3)).toBe(2);
    expect(budget.takeLeftOut()).toBe(501);
    expect(budget.takeLeftOut()).toBe(0);
  });

  test("have the burst again after a while, and no more than that", () => {
    let now = 0;
    const budget = createLineBudget(() => now);
    now = 3_600_000;
    expect(logged(budget, 2_000)).toBe(1_000);
  });
});
