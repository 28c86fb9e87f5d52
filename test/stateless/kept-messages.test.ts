import { describe, expect, test } from "bun:test";
import type { RawMessage } from "../../src/link/link.ts";
import { createKeptMessages } from "../../src/stateless/kept-messages.ts";

const message = (text: string): RawMessage => ({
  line: Buffer.from(text),
  message: { kind: "notification", method: "notifications/message" },
});
const texts = (messages: readonly RawMessage[]): readonly string[] => messages.map(({ line }) => line.toString());

describe("messages for a client that is away", () => {
  test("are the latest ones, in order, and given once", () => {
    const kept = createKeptMessages(0);
    for (let index = 0; index < 100; index++) kept.add(message(`${index}`));
    expect(texts(kept.take())).toEqual(Array.from({ length: 64 }, (_, index) => `${index + 36}`));
    expect(kept.take()).toEqual([]);
  });

  test("are bounded in bytes, and one that is too large leaves no others behind", () => {
    const kept = createKeptMessages(10);
    for (const text of ["aaaa", "bbbb", "cccc"]) kept.add(message(text));
    expect(texts(kept.take())).toEqual(["bbbb", "cccc"]);
    kept.add(message("dddddddddd"));
    expect(texts(kept.take())).toEqual(["dddddddddd"]);
    kept.add(message("eeeeeeeeeee"));
    expect(kept.take()).toEqual([]);
  });

  test("are copies: what was read into the same memory later does not change them", () => {
    const kept = createKeptMessages(0);
    const raw = message("first");
    kept.add(raw);
    raw.line.fill("x");
    expect(texts(kept.take())).toEqual(["first"]);
  });
});
