import { CONTROL_CHARACTER, isHexDigit } from "./json-characters.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** From this length on, the runtime's own search and parser beat a loop over the bytes of a string. */
const LONG_STRING = 256;

const NOTHING = Buffer.alloc(0);

/**
 * A place in bytes that are read as JSON (RFC 8259), which moves over one thing at a time. `false`: the bytes are no JSON, and the
 * place has no meaning any more. One cursor reads message after message: to make one for each would cost more than reading it.
 *
 * Its loops keep the place in a variable of their own, which is faster than to write a field, or what a closure holds, for each byte.
 */
export class JsonCursor {
  bytes: Buffer = NOTHING;
  end = 0;
  at = 0;
  #nextBackslash = -1;
  #nextQuote = -1;

  open(bytes: Buffer): void {
    this.bytes = bytes;
    this.end = bytes.length;
    this.at = 0;
    this.#nextBackslash = -1;
    this.#nextQuote = -1;
  }

  /** What was read must not be kept alive by what reads it. */
  close(): void {
    this.bytes = NOTHING;
  }

  /** Moves over white space. @returns the byte behind it; undefined: there is none. */
  skipSpace(): number | undefined {
    const { bytes, end } = this;
    for (let { at } = this; at < end; at++) {
      const byte = bytes[at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.at = at;
        return byte;
      }
    }
    this.at = end;
    return undefined;
  }

  /** A string, a number or a literal, whose first byte is given and stands at the place. */
  skipScalar(first: number | undefined): boolean {
    switch (first) {
      case QUOTE:
        this.at++;
        return this.skipString();
      case 0x74:
        return this.#skipWord("true");
      case 0x66:
        return this.#skipWord("false");
      case 0x6e:
        return this.#skipWord("null");
      default:
        return this.#skipNumber();
    }
  }

  /** From behind the opening quote to behind the closing one. */
  skipString(): boolean {
    const { bytes, end } = this;
    let { at } = this;
    for (;;) {
      const pause = Math.min(end, at + LONG_STRING);
      while (at < pause) {
        const byte = bytes[at];
        if (byte === QUOTE) {
          this.at = at + 1;
          return true;
        }
        if (byte === undefined || byte < 0x20) return false;
        if (byte === BACKSLASH) {
          const length = escapeLength(bytes, at);
          if (length === 0) return false;
          at += length;
        } else at++;
      }
      if (at >= end) return false;
      // Kept like the place of the backslash: a search anew for each escape would make the scan quadratic.
      if (this.#nextQuote < at) {
        this.#nextQuote = bytes.indexOf(QUOTE, at);
        if (this.#nextQuote === -1) return false;
      }
      if (this.#nextBackslash < at) {
        this.#nextBackslash = bytes.indexOf(BACKSLASH, at);
        if (this.#nextBackslash === -1) this.#nextBackslash = end;
      }
      const stop = Math.min(this.#nextQuote, this.#nextBackslash);
      if (stop - at >= LONG_STRING) {
        if (CONTROL_CHARACTER.test(bytes.toString("latin1", at, stop))) return false;
        at = stop;
      }
    }
  }

  #skipNumber(): boolean {
    const { bytes } = this;
    if (bytes[this.at] === 0x2d) this.at++;
    if (bytes[this.at] === 0x30) this.at++;
    else if (!this.#skipDigits()) return false;
    if (bytes[this.at] === 0x2e) {
      this.at++;
      if (!this.#skipDigits()) return false;
    }
    const exponent = bytes[this.at];
    if (exponent === 0x65 || exponent === 0x45) {
      this.at++;
      const sign = bytes[this.at];
      if (sign === 0x2b || sign === 0x2d) this.at++;
      if (!this.#skipDigits()) return false;
    }
    return true;
  }

  #skipDigits(): boolean {
    const { bytes, end, at: first } = this;
    let at = first;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte === undefined || byte < 0x30 || byte > 0x39) break;
    }
    this.at = at;
    return at > first;
  }

  #skipWord(word: string): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
    this.at = at + word.length;
    return true;
  }
}

/** Bytes of the escape that begins with the backslash at `at`; 0: it is none. */
function escapeLength(bytes: Buffer, at: number): number {
  switch (bytes[at + 1]) {
    case 0x75:
      for (let i = at + 2; i < at + 6; i++) if (!isHexDigit(bytes[i])) return 0;
      return 6;
    // " \ / b f n r t
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return 2;
    default:
      return 0;
  }
}
