import { isUtf8 } from "node:buffer";

/**
 * The bytes of a child's line as UTF-8, which MCP's stdio transport wants. Little-endian UTF-16, which some consoles write, is
 * translated; bytes that are no UTF-8 become U+FFFD, as every decoder has it.
 */
export function asUtf8(line: Buffer): { readonly bytes: Buffer; readonly repair: string | undefined } {
  const utf16 = fromUtf16(line);
  if (utf16 !== undefined) return { bytes: utf16, repair: "UTF-16" };
  if (isUtf8(line)) return { bytes: line, repair: undefined };
  return { bytes: Buffer.from(line.toString()), repair: "bytes that are no UTF-8" };
}

const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

/** A line that has been cut at the newline's own byte begins with the other half of the newline before it. */
function fromUtf16(line: Buffer): Buffer | undefined {
  if (!line.includes(0)) return undefined;
  const isMarked = line[0] === 0xff && line[1] === 0xfe;
  if (!isMarked && !isWideBracket(line, 0) && !(line[0] === 0 && isWideBracket(line, 1))) return undefined;
  const start = line[0] === 0 ? 1 : 0;
  const length = line.length - start;
  return Buffer.from(line.toString("utf16le", start, start + length - (length % 2)));
}

/** Whether a bracket of two bytes stands there. */
function isWideBracket(line: Buffer, at: number): boolean {
  return (line[at] === OPEN_OBJECT || line[at] === OPEN_ARRAY) && line[at + 1] === 0;
}
