/** A digit of a `\u` escape. */
export function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** A control character, which a JSON string has only escaped (RFC 8259, section 7), in text of one byte a character. */
export const CONTROL_CHARACTER = /[^ -\xff]/;
