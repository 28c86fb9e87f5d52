import { heapStats } from "bun:jsc";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createLineSplitter, LineTooLong } from "../../src/wire/newline.ts";
import { TEST_MS } from "../support/limits.ts";
import { createRandom } from "./random.ts";

setDefaultTimeout(TEST_MS);

const SAMPLE = Buffer.from('{"a":"é€😀"}\n\n\r\n{"b":1}\r\n\r{"c"\r:2}\n{"d":3}\r\r\nunfinished');
const SAMPLE_LINES = ['{"a":"é€😀"}', '{"b":1}', '\r{"c"\r:2}', '{"d":3}\r'];

function splitAll(chunks: readonly Buffer[], maxLineBytes = 0): readonly string[] {
  const split = createLineSplitter(maxLineBytes).split;
  const lines: Buffer[] = [];
  for (const chunk of chunks) split(chunk, (line) => lines.push(line));
  // Read at the end: a line must keep its bytes when later ones come.
  return lines.map((line) => line.toString());
}

describe("lines", () => {
  test("end with LF or CR LF; empty ones are none, and what has no end is kept back", () => {
    expect(splitAll([SAMPLE])).toEqual(SAMPLE_LINES);
  });

  test("are the same wherever the stream is cut, once or twice", () => {
    for (let first = 0; first <= SAMPLE.length; first++) {
      for (let second = first; second <= SAMPLE.length; second++) {
        const chunks = [SAMPLE.subarray(0, first), SAMPLE.subarray(first, second), SAMPLE.subarray(second)];
        expect(splitAll(chunks)).toEqual(SAMPLE_LINES);
      }
    }
  });

  test("are the same byte by byte", () => {
    expect(splitAll([...SAMPLE].map((byte) => Buffer.of(byte)))).toEqual(SAMPLE_LINES);
  });

  test("are the same in pieces of every size, small ones and large ones mixed", () => {
    const random = createRandom(4_096);
    for (let round = 0; round < 60; round++) {
      const sent = Array.from({ length: 5 }, (_, index) => `${index}${"abc€".repeat(random(12_000))}|`);
      const bytes = Buffer.from(`${sent.join("\n")}\n`);
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + random(random(3) === 0 ? 30_000 : random(2) === 0 ? 5_000 : 200);
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(splitAll(chunks)).toEqual(sent);
    }
  });

  test("that lie within one chunk are not copied", () => {
    const chunk = Buffer.from("one\ntwo\n");
    const lines: Buffer[] = [];
    createLineSplitter(0).split(chunk, (line) => lines.push(line));
    expect(lines.map((line) => line.buffer === chunk.buffer)).toEqual([true, true]);
  });
});

describe("the bound", () => {
  test("is the longest line that is taken, in one piece or in many", () => {
    const line = "x".repeat(10);
    expect(splitAll([Buffer.from(`${line}\n`)], 10)).toEqual([line]);
    expect(
      splitAll(
        [...line, "\n"].map((byte) => Buffer.from(byte)),
        10,
      ),
    ).toEqual([line]);
  });

  test.each([
    ["one piece", ["ok\n", "12345678901\n"]],
    ["the middle of a chunk", ["ok\n12345678901\nlater\n"]],
    ["many pieces", ["ok\n", ..."12345678901"]],
    ["a piece without its end", ["ok\n12345678901"]],
  ])("is enforced in %s, after the lines before it were given", (_, chunks) => {
    const split = createLineSplitter(10).split;
    const lines: string[] = [];
    expect(() => {
      for (const chunk of chunks) split(Buffer.from(chunk), (line) => lines.push(line.toString()));
    }).toThrow(LineTooLong);
    expect(lines).toEqual(["ok"]);
  });

  test("0 is none", () => {
    const long = "y".repeat(3_000_000);
    expect(splitAll([Buffer.from(long), Buffer.from(`${long}\n`)])).toEqual([long + long]);
  });
});

test("a line that comes byte by byte does not cost an object a byte", () => {
  const split = createLineSplitter(0).split;
  const lines: Buffer[] = [];
  const before = liveObjects();
  for (let i = 0; i < 500_000; i++) split(Buffer.of(0x7a), (line) => lines.push(line));
  expect(liveObjects() - before).toBeLessThan(50_000);
  split(Buffer.from("\n"), (line) => lines.push(line));
  expect(lines.map((line) => line.length)).toEqual([500_000]);
});

function liveObjects(): number {
  Bun.gc(true);
  return heapStats().objectCount;
}
