const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** The elements of a JSON array that is known to be valid, as the bytes that they came in. */
export function arrayElements(array: Buffer): readonly Buffer[] {
  const elements: Buffer[] = [];
  const open = array.indexOf("[");
  const close = array.lastIndexOf("]");
  let depth = 0;
  let start = open + 1;
  for (let at = start; at < close; at++) {
    const byte = array[at];
    if (byte === QUOTE) at = stringEnd(array, at);
    else if (byte === 0x5b || byte === 0x7b) depth++;
    else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (byte === COMMA && depth === 0) {
      elements.push(array.subarray(start, at));
      start = at + 1;
    }
  }
  const last = array.subarray(start, close);
  return elements.length === 0 && isBlank(last) ? [] : [...elements, last];
}

function stringEnd(bytes: Buffer, quote: number): number {
  let at = quote + 1;
  while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}
