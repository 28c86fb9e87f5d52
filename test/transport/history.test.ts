import { describe, expect, test } from "bun:test";
import { createHistory, createHistoryBudget, type History } from "../../src/transport/history.ts";

const frame = (number: number): string => `id: h-${number}\ndata: ${number}\n\n`;
const frames = (first: number, last: number): Buffer =>
  Buffer.from(Array.from({ length: last - first + 1 }, (_, index) => frame(first + index)).join(""));

/** The sequence numbers of what a client gets after one. */
const after = (history: History, sequence: number, last: number): readonly number[] | "gap" => {
  const found = history.after(0, sequence, last);
  if (found === "gap") return "gap";
  return [
    ...Buffer.concat([...found])
      .toString()
      .matchAll(/^data: (\d+)$/gm),
  ].map(([, number]) => Number(number));
};

const create = (changes = {}) =>
  createHistory({ budget: createHistoryBudget(0), maxEvents: 10, maxBytes: 0, maxAgeMs: 1_000_000, ...changes });

describe("events that were sent in one piece", () => {
  test("are found one by one", () => {
    const history = create();
    history.add(0, 3, frames(1, 3), 3);
    history.add(0, 4, frames(4, 4));
    history.add(0, 6, frames(5, 6), 2);
    expect(after(history, 0, 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(after(history, 2, 6)).toEqual([3, 4, 5, 6]);
    expect(after(history, 3, 6)).toEqual([4, 5, 6]);
    expect(after(history, 5, 6)).toEqual([6]);
    expect(after(history, 6, 6)).toEqual([]);
  });

  test("are forgotten together, the oldest first, and what is left without them is a gap", () => {
    const history = create();
    history.add(0, 6, frames(1, 6), 6);
    history.add(0, 12, frames(7, 12), 6);
    expect(after(history, 5, 12)).toBe("gap");
    expect(after(history, 6, 12)).toEqual([7, 8, 9, 10, 11, 12]);
    expect(history.remaining(0, 0).length).toBe(1);
  });

  test("count with their bytes, against the session's bound and the budget of all", () => {
    const piece = frames(1, 2);
    const history = create({ maxBytes: piece.length });
    history.add(0, 2, piece, 2);
    history.add(0, 4, frames(3, 4), 2);
    expect(after(history, 2, 4)).toEqual([3, 4]);
    expect(after(history, 0, 4)).toBe("gap");
    const budget = createHistoryBudget(piece.length);
    const other = create({ budget });
    other.add(0, 2, piece, 2);
    expect(budget.take(1)).toBe(false);
    other.clear();
    expect(budget.take(piece.length)).toBe(true);
  });

  test("that are too old are forgotten", () => {
    const history = create({ maxAgeMs: 1_000 });
    history.add(0, 2, frames(1, 2), 2);
    history.expire(performance.now());
    expect(after(history, 0, 2)).toEqual([1, 2]);
    history.expire(performance.now() + 1_000);
    expect(after(history, 0, 2)).toBe("gap");
  });
});
