const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** From this length on, the runtime's own search beats a loop over the bytes of a string. */
const LONG_STRING = 64;

/**
 * Told of a member: the places of the name's opening quote, behind its closing one, and of the value's first byte.
 * Answers where the value ends, which it may have found out on its own way through it.
 */
type MemberVisitor = (nameStart: number, nameEnd: number, valueStart: number) => number;

/**
 * Visits the members of the object whose `{` is at `open`, in order, and answers the place behind its `}`.
 *
 * Like all of this file, for valid JSON alone: other bytes give a senseless answer, or an error for a broken escape in a
 * name, but never a loop without end.
 */
export function walkMembers(bytes: Buffer, open: number, visit: MemberVisitor): number {
  let at = spaceEnd(bytes, open + 1);
  while (bytes[at] === QUOTE) {
    const nameEnd = stringEnd(bytes, at);
    const colon = spaceEnd(bytes, nameEnd);
    at = spaceEnd(bytes, visit(at, nameEnd, spaceEnd(bytes, colon + 1)));
    if (bytes[at] !== COMMA) break;
    at = spaceEnd(bytes, at + 1);
  }
  return at + 1;
}

/** The place behind the whitespace that may stand at `at`. */
export function spaceEnd(bytes: Buffer, at: number): number {
  let end = at;
  while (isSpace(bytes[end])) end++;
  return end;
}

/** The place behind the value whose first byte is at `start`. Iterative and linear, however the value is nested. */
export function valueEnd(bytes: Buffer, start: number): number {
  switch (bytes[start]) {
    case QUOTE:
      return stringEnd(bytes, start);
    case OPEN_OBJECT:
    case OPEN_ARRAY:
      return containerEnd(bytes, start);
    default:
      return wordEnd(bytes, start);
  }
}

/** Whether the name between the quotes (`start` behind the first, `end` at the second) is this one, escapes undone. */
export function isNamed(bytes: Buffer, start: number, end: number, name: string): boolean {
  const length = end - start;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] ?? 0;
    // From here on bytes and UTF-16 units are no longer the same.
    if (byte === BACKSLASH || byte >= 0x80) return nameAt(bytes, start, end) === name;
    if (byte !== name.charCodeAt(i)) return false;
  }
  return length === name.length;
}

/** The name between the quotes, escapes undone. */
export function nameAt(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString("utf8", start, end);
  return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}

function stringEnd(bytes: Buffer, quote: number): number {
  const end = bytes.length;
  let at = quote + 1;
  while (at < end) {
    const pause = Math.min(end, at + LONG_STRING);
    while (at < pause) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    const next = bytes.indexOf(QUOTE, at);
    if (next === -1) return end;
    if (!isEscaped(bytes, at, next)) return next + 1;
    at = next + 1;
  }
  return end;
}

/** Whether the byte at `at` has an odd number of backslashes before it; `from`, at most `at`, is not inside of an escape. */
function isEscaped(bytes: Buffer, from: number, at: number): boolean {
  let first = at;
  while (first > from && bytes[first - 1] === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

function containerEnd(bytes: Buffer, start: number): number {
  const end = bytes.length;
  let depth = 0;
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = stringEnd(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --depth === 0) return at;
  }
  return end;
}

/** The end of a number or a literal: neither has a byte of its own to end with. */
function wordEnd(bytes: Buffer, start: number): number {
  let at = start;
  for (; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || isSpace(byte)) break;
  }
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
