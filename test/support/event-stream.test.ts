import { describe, expect, test } from "bun:test";
import { createEventStreamReader } from "./event-stream.ts";

function read(...chunks: readonly string[]): readonly string[] {
  const reader = createEventStreamReader();
  return chunks
    .flatMap((chunk) => reader.push(Buffer.from(chunk, "latin1")))
    .map(({ type, data }) => `${type}:${data.toString("latin1")}`);
}

describe("the tests' own event stream reader", () => {
  test("reads events whatever ends their lines", () => {
    expect(read("event: a\ndata: 1\n\n", "event: b\r\ndata: 2\r\n\r\n", "event: c\rdata: 3\r\r")).toEqual([
      "a:1",
      "b:2",
      "c:3",
    ]);
  });

  test("reads the same when the bytes come one by one", () => {
    const text = ": beat\r\n\r\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\ndata:\xc3\xa9\n\n";
    expect(read(...text)).toEqual(read(text));
    expect(read(text)).toEqual(["a:1\n2", "message:\xc3\xa9"]);
  });

  test("is deceived by a bare CR, as every client is", () => {
    expect(read("data: x\r\revent: endpoint\rdata: evil\r\r")).toEqual(["message:x", "endpoint:evil"]);
  });

  test("counts comments and gives no event for them", () => {
    const reader = createEventStreamReader();
    expect(reader.push(Buffer.from(":\n\n: beat\n\n"))).toEqual([]);
    expect(reader.comments()).toBe(2);
  });

  test("gives each event its own id, and remembers the last one and the time to wait", () => {
    const reader = createEventStreamReader();
    const events = reader.push(Buffer.from("id: 1\nretry: 250\ndata:\n\ndata: x\n\nid: 2\n\nretry: soon\n\n"));
    expect(events.map(({ id, data }) => [id, data.toString()])).toEqual([
      ["1", ""],
      [undefined, "x"],
    ]);
    expect(reader.lastEventId()).toBe("2");
    expect(reader.retryMs()).toBe(250);
  });
});
