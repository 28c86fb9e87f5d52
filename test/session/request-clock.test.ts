import { expect, test } from "bun:test";
import { createRequestClock } from "../../src/session/request-clock.ts";

test("a request's time stands still as long as it is stopped, however often that is said", () => {
  const clock = createRequestClock();
  expect(clock.read(100)).toBe(100);
  expect(clock.when(150)).toBe(150);
  clock.stop(110);
  clock.stop(120);
  expect(clock.read(500)).toBe(110);
  expect(clock.when(150)).toBe(Number.POSITIVE_INFINITY);
  clock.goOn(510);
  clock.goOn(520);
  expect(clock.read(510)).toBe(110);
  expect(clock.when(150)).toBe(550);
});
