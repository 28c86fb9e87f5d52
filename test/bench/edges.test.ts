import { describe, expect, test } from "bun:test";
import { EDGE, Edges } from "../../scripts/bench/driver/edges.ts";

function keep(text: string, size: number): { length: number; kept: string } {
  const edges = new Edges();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) edges.push(bytes.subarray(at, at + size));
  const { length } = edges;
  return { length, kept: edges.take().toString() };
}

describe("Edges", () => {
  test.each([1, 10, 1000, EDGE, 5000])("keeps the ends of what comes %d bytes at a time, and its length", (size) => {
    const text = "0123456789".repeat(1000);
    expect(keep(text, size)).toEqual({ length: text.length, kept: text.slice(0, EDGE) + text.slice(-EDGE) });
  });

  test.each([0, 1, EDGE, EDGE + 1, 2 * EDGE])("keeps the whole of %d bytes", (length) => {
    const text = "0123456789".repeat(300).slice(0, length);
    expect(keep(text, 97)).toEqual({ length, kept: text });
  });

  test("begins anew when what it has kept is taken", () => {
    const edges = new Edges();
    edges.push(Buffer.from("one"));
    edges.take();
    edges.push(Buffer.from("two"));
    expect(edges.length).toBe(3);
    expect(edges.take().toString()).toBe("two");
  });

  test("copies what it keeps: the piece's memory may be used again", () => {
    const edges = new Edges();
    const piece = Buffer.from("one");
    edges.push(piece);
    piece.fill("x");
    expect(edges.take().toString()).toBe("one");
  });
});
