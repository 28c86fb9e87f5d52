import { expect, test } from "bun:test";
import { createHeldMessages } from "../../src/bridge/held-messages.ts";
import type { RawMessage } from "../../src/link/link.ts";

const message = (text: string): RawMessage => ({
  line: Buffer.from(text),
  message: { kind: "notification", method: text },
});

test("messages are held in their order, up to a number of bytes", () => {
  const held = createHeldMessages(10);
  expect(["12345", "67890", "x"].map((text) => held.add(message(text)))).toEqual([true, true, false]);
  expect(held.take().map(({ line }) => line.toString())).toEqual(["12345", "67890"]);
  expect(held.take()).toEqual([]);
  expect(held.add(message("x"))).toBe(true);
});

test("one message is held however long it is: it was let in by the limit of a body", () => {
  const held = createHeldMessages(3);
  expect(held.add(message("12345"))).toBe(true);
  expect(held.add(message(""))).toBe(false);
});

test("without a bound on bytes there is one on their number", () => {
  const held = createHeldMessages(0);
  const taken = Array.from({ length: 2_000 }, () => held.add(message("{}"))).filter((isTaken) => isTaken);
  expect(taken.length).toBe(1_024);
});
