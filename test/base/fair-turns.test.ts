import { expect, test } from "bun:test";
import { createFairTurns } from "../../src/base/fair-turns.ts";

/** A piece of work that takes so long, of a job whose pieces are all there. */
async function piece(milliseconds: number): Promise<void> {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test("a job whose pieces never have to be waited for leaves others their turn", async () => {
  const fairTurn = createFairTurns();
  let isStopped = false;
  setTimeout(() => {
    isStopped = true;
  }, 0);
  let pieces = 0;
  for (; !isStopped && pieces < 10_000; pieces++) {
    const since = performance.now();
    await piece(0.5);
    await fairTurn(since);
  }
  expect(isStopped).toBe(true);
});

test("a piece that takes no time costs no turn", () => {
  expect(createFairTurns()(performance.now())).toBeUndefined();
});

test("the work of many pieces adds up, and begins anew after a turn", () => {
  const fairTurn = createFairTurns();
  const now = performance.now();
  expect(fairTurn(now - 1.5)).toBeUndefined();
  expect(fairTurn(now - 1.5)).toBeInstanceOf(Promise);
  expect(fairTurn(performance.now())).toBeUndefined();
});
