import { applyEdits, type Edit } from "./json-edit.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;

/** Numbers that JSON has no word for. JavaScript's own serializer writes null for all three (ECMA-262, SerializeJSONProperty). */
const NOT_NUMBERS = ["NaN", "Infinity"] as const;

/** Whoever needs more than so many repairs has written something else. */
const MAX_EDITS = 10_000;

/** Bytes as JSON would have them, and in words what was put right. */
export interface SoundTokens {
  readonly bytes: Buffer;
  readonly repairs: readonly string[];
}

/**
 * Puts right what programs write that make JSON by hand or by a lax serializer, and what can mean one thing only: NaN and
 * Infinity become null, raw control characters inside of a string are escaped, and a comma before a closing bracket goes.
 * One pass, linear. Other bytes stay, whether they make JSON or not.
 */
export function withSoundTokens(bytes: Buffer): SoundTokens {
  const edits: Edit[] = [];
  const repairs = new Set<string>();
  const replace = (start: number, end: number, text: string, repair: string) => {
    edits.push({ start, end, text });
    repairs.add(repair);
  };
  let at = 0;
  let isInString = false;
  while (at < bytes.length) {
    if (edits.length > MAX_EDITS) return { bytes, repairs: [] };
    const byte = bytes[at] ?? 0;
    if (isInString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isInString = false;
      else if (byte < 0x20) replace(at, at + 1, escapeOf(byte), "raw control characters in a string");
      at++;
      continue;
    }
    if (byte === QUOTE) isInString = true;
    else if (byte === COMMA && isClosing(bytes[spaceEnd(bytes, at + 1)])) replace(at, at + 1, "", "a comma too many");
    else {
      const word = notNumberAt(bytes, byte === MINUS ? at + 1 : at);
      if (word !== undefined) {
        const end = at + word.length + (byte === MINUS ? 1 : 0);
        replace(at, end, "null", word);
        at = end;
        continue;
      }
    }
    at++;
  }
  return { bytes: applyEdits(bytes, edits), repairs: [...repairs] };
}

function notNumberAt(bytes: Buffer, at: number): (typeof NOT_NUMBERS)[number] | undefined {
  const first = bytes[at];
  if (first !== 0x4e && first !== 0x49) return undefined;
  return NOT_NUMBERS.find((word) => bytes.toString("latin1", at, at + word.length) === word);
}

function escapeOf(byte: number): string {
  return `\\u${byte.toString(16).padStart(4, "0")}`;
}

function isClosing(byte: number | undefined): boolean {
  return byte === 0x7d || byte === 0x5d;
}

function spaceEnd(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end] === 0x20 || bytes[end] === 0x0a || bytes[end] === 0x0d || bytes[end] === 0x09) end++;
  return end;
}
