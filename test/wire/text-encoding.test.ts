import { describe, expect, test } from "bun:test";
import { asUtf8 } from "../../src/wire/text-encoding.ts";

const MESSAGE = '{"jsonrpc":"2.0","id":1,"result":{"text":"größer 日本語"}}';

/** Cut at the newline's own byte, as a reader does who does not know. */
function linesOf(text: string): Buffer[] {
  const bytes = Buffer.from(text, "utf16le");
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

describe("a line", () => {
  test("of UTF-8 stays as it is", () => {
    const line = Buffer.from(`\ufeff${MESSAGE}\0`);
    expect(asUtf8(line)).toEqual({ bytes: line, repair: undefined });
  });

  test("with other bytes has U+FFFD for them", () => {
    const line = Buffer.concat([Buffer.from('{"text":"caf'), Buffer.of(0xe9), Buffer.from('"}')]);
    expect(asUtf8(line).bytes.toString()).toBe('{"text":"caf\ufffd"}');
    expect(asUtf8(line).repair).toBe("bytes that are no UTF-8");
  });

  test("of UTF-16 is translated, with a byte-order mark and without", () => {
    const lines = linesOf(`\ufeff${MESSAGE}\r\n${MESSAGE}\n${MESSAGE}\n`);
    expect(lines.length).toBe(3);
    for (const line of lines) {
      const { bytes, repair } = asUtf8(line);
      expect(repair).toBe("UTF-16");
      expect(bytes.toString().replaceAll(/[\ufeff\r]/g, "")).toBe(MESSAGE);
    }
  });
});
