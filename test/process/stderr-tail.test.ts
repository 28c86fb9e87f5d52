import { describe, expect, test } from "bun:test";
import { createRedactor } from "../../src/process/redact.ts";
import { followStderr, type StderrTail } from "../../src/process/stderr-tail.ts";
import { within } from "../support/eventually.ts";

interface Followed {
  readonly lines: readonly string[];
  readonly tail: StderrTail;
  readonly send: (text: string | Uint8Array) => void;
  readonly end: () => Promise<void>;
}

function follow(secrets: Readonly<Record<string, string>> = {}): Followed {
  const { writable, readable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const lines: string[] = [];
  const tail = followStderr({
    stream: readable,
    redactor: createRedactor(Object.entries(secrets)),
    wantsLine: () => true,
    onLine: (line) => lines.push(line),
  });
  return {
    lines,
    tail,
    send: (text) => void writer.write(Buffer.from(text)).catch(() => undefined),
    end: async () => {
      await writer.close();
      await within("the end of stderr", tail.ended);
    },
  };
}

/** Sends the text in pieces of this size, to the end, and gives what came out. */
async function followed(text: string, pieceBytes: number, secrets: Readonly<Record<string, string>> = {}) {
  const { lines, tail, send, end } = follow(secrets);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) send(bytes.subarray(at, at + pieceBytes));
  await end();
  return { lines, text: tail.text() };
}

describe("stderr", () => {
  test("is given line by line, whatever ends a line and wherever the pieces are cut", async () => {
    for (const size of [1, 2, 3, 7, 1_000]) {
      const { lines } = await followed("one\ntwo é€😀\r\n\n  \nthree  \rlast", size);
      expect(lines).toEqual(["one", "two é€😀", "three", "last"]);
    }
  });

  test("leaves its last eight lines, cut at 512 characters", async () => {
    const { text } = await followed(Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(600)}`).join("\n"), 999);
    const kept = text.split("\n");
    expect(kept.map((line) => Number.parseInt(line, 10))).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    expect(kept.map((line) => line.length)).toEqual(Array.from({ length: 8 }, () => 512));
  });

  test("without any end of line is given in bounded pieces as it comes", async () => {
    const { lines, send, end } = follow();
    for (let i = 0; i < 64; i++) send("y".repeat(1_024));
    await end();
    expect(lines.length).toBeGreaterThan(5);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(4_096);
  });

  test("is read no further once nobody wants it, though it may never end", async () => {
    const { lines, tail, send } = follow();
    send("one\n");
    tail.stop();
    await within("the end of following", tail.ended);
    expect(lines.length).toBeLessThanOrEqual(1);
  });
});

describe("a secret on stderr", () => {
  const SECRET = "s3cr3t-0123456789-abcdefghijklmnopqrstuvwxyz";

  test("never comes out, wherever the pieces are cut", async () => {
    for (let size = 1; size <= SECRET.length + 8; size++) {
      const { lines, text } = await followed(`KEY=${SECRET}, again ${SECRET}${SECRET}\n`, size, { KEY: SECRET });
      expect(lines).toEqual(["KEY=[KEY], again [KEY][KEY]"]);
      expect(text).toBe(lines.join("\n"));
    }
  });

  test.each([
    ["with an end of line", "\n"],
    ["without one", ""],
  ])("never comes out in part, wherever it stands in a long line %s", async (_, end) => {
    // Across the length at which a line is cut, and across the end of the piece after which it is.
    for (const cut of [4_096, 4_500]) {
      for (let before = cut - SECRET.length - 3; before <= cut + 3; before++) {
        const text = `${"x".repeat(before)}${SECRET}${"z".repeat(6_000)}${end}`;
        const { lines } = await followed(text, 1_500, { KEY: SECRET });
        const shown = lines.join("");
        for (let from = 0; from + 6 <= SECRET.length; from++) expect(shown).not.toContain(SECRET.slice(from, from + 6));
      }
    }
  });

  test("never comes out in part at the end of the tail's lines", async () => {
    for (let before = 512 - SECRET.length; before <= 512; before++) {
      const { text } = await followed(`${"x".repeat(before)}${SECRET}\n`, 64, { KEY: SECRET });
      expect(text).not.toContain(SECRET.slice(0, 6));
    }
  });

  test("of several lines never comes out line by line", async () => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----";
    const { lines } = await followed(`${key}\nafter\n`, 16, { KEY: key });
    expect(lines.join("\n")).not.toContain("MIIEvQ");
    expect(lines.at(-1)).toBe("after");
  });

  test("never comes out in two parts when what stands before it in its line were secrets, too", async () => {
    const long = `${"abcdefghij".repeat(100)}THE-END`;
    const text = long.repeat(6);
    for (const size of [5 * long.length + 300, 1_500]) {
      const { lines } = await followed(`${text}\n`, size, { KEY: long });
      expect(lines.join("").replaceAll("[KEY]", "")).toBe("");
    }
  });
});
