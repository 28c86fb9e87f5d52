import { describe, expect, test } from "bun:test";
import { answerId, EventScanner } from "../../scripts/bench/driver/event-scanner.ts";

interface Seen {
  readonly id: number;
  readonly length: number;
  readonly text: string;
}

function scan(text: string, size: number): Seen[] {
  const seen: Seen[] = [];
  const scanner = new EventScanner((bytes, start, end, length) => {
    seen.push({ id: answerId(bytes, start, end), length, text: bytes.toString("latin1", start, end) });
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
  return seen;
}

describe("EventScanner", () => {
  test.each([1, 2, 3, 5, 10, 1000])("cuts a stream that comes %d bytes at a time into its events", (size) => {
    const events = ["event: endpoint\ndata: /m?s=1", ": heartbeat", 'data: {"id":12,"result":{}}'];
    expect(scan(events.map((event) => `${event}\n\n`).join(""), size)).toEqual([
      { id: -1, length: 28, text: "event: endpoint\ndata: /m?s=1" },
      { id: -1, length: 11, text: ": heartbeat" },
      { id: 12, length: 27, text: 'data: {"id":12,"result":{}}' },
    ]);
  });

  test.each([100, 1000, 1023, 4096, 100_000])(
    "keeps the edges of a large event that comes %d bytes at a time",
    (size) => {
      const large = `data: {"result":"${"x".repeat(50_000)}","id":1000000007}`;
      for (const { id, length, text } of scan(`${large}\n\n${large}\n\n`, size)) {
        expect(id).toBe(1000000007);
        expect(length).toBe(large.length);
        expect(text).toBe(large.slice(0, 1024) + large.slice(-1024));
      }
      expect(scan(`${large}\n\n${large}\n\n`, size)).toHaveLength(2);
    },
  );

  test("keeps an event of any length around the edges byte for byte when it is cut", () => {
    for (const length of [1023, 1024, 1025, 1500, 2047, 2048]) {
      const event = "0123456789".repeat(300).slice(0, length);
      expect(scan(`${event}\n\n`, 97).map((seen) => seen.text)).toEqual([event]);
    }
  });
});

describe("answerId", () => {
  const read = (text: string): number => answerId(Buffer.from(text), 0, text.length);

  test("finds an id before or after the result", () => {
    expect(read('data: {"jsonrpc":"2.0","id":42,"result":{}}')).toBe(42);
    expect(read('data: {"result":{},"jsonrpc":"2.0","id":42}')).toBe(42);
  });

  test("is -1 for a message without a numeric id", () => {
    expect(read('data: {"method":"notifications/message"}')).toBe(-1);
    expect(read('data: {"id":"a"}')).toBe(-1);
  });

  test("does not look past the event", () => {
    const bytes = Buffer.from('data: {}\n\ndata: {"id":1}');
    expect(answerId(bytes, 0, 8)).toBe(-1);
  });
});
