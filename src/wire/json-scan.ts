import { CONTROL_CHARACTER, isHexDigit } from "./json-characters.ts";
import { MEMBER_BITS, MEMBERS, type Member, memberAt, suspectName } from "./json-members.ts";
import { emptyMessage, type ScanFlaw, type ScannedMessage } from "./scanned-message.ts";

/** Checks that bytes are one JSON object (RFC 8259) and finds its JSON-RPC members, in one pass. */
export type JsonScanner = (bytes: Buffer) => ScannedMessage | ScanFlaw;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** From this length on, the runtime's own search and parser beat a loop over the bytes of a string. */
const LONG_STRING = 256;

/**
 * Makes a scanner. The bytes must be valid UTF-8 already (`isUtf8` of node:buffer is much faster than any loop).
 *
 * It exists because JSON.parse loses what a proxy must keep: the digits of an id above 2^53, and the fact that a
 * member came twice. It is iterative, so depth costs no stack, and linear, so that no input can stall the loop.
 *
 * @param maxDepth deepest nesting of arrays and objects that is taken.
 */
export function createJsonScanner(maxDepth: number): JsonScanner {
  // One bit of memory a level: is it an object? Reused from scan to scan, which run to their end without interruption.
  const isObject = new Uint8Array(maxDepth + 1);

  // The scan under way. Functions made once: nine closures for each message would cost more than reading it.
  let bytes: Buffer = NOTHING;
  let end = 0;
  let at = 0;
  let nextBackslash = -1;
  let nextQuote = -1;
  let found = emptyMessage();
  let seen = 0;
  let ambiguous = false;
  let member: Member | undefined;
  let memberStart = -1;

  const skipSpace = () => {
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    }
  };

  const skipEscape = (): boolean => {
    const byte = bytes[at + 1];
    if (byte === 0x75) {
      for (let i = at + 2; i < at + 6; i++) if (!isHexDigit(bytes[i])) return false;
      at += 6;
      return true;
    }
    // " \ / b f n r t
    if (
      byte === QUOTE ||
      byte === BACKSLASH ||
      byte === 0x2f ||
      byte === 0x62 ||
      byte === 0x66 ||
      byte === 0x6e ||
      byte === 0x72 ||
      byte === 0x74
    ) {
      at += 2;
      return true;
    }
    return false;
  };

  /** `at` stands behind the opening quote; afterwards behind the closing one. */
  const skipString = (): boolean => {
    for (;;) {
      const pause = Math.min(end, at + LONG_STRING);
      while (at < pause) {
        const byte = bytes[at];
        if (byte === QUOTE) {
          at++;
          return true;
        }
        if (byte === undefined || byte < 0x20) return false;
        if (byte === BACKSLASH) {
          if (!skipEscape()) return false;
        } else at++;
      }
      if (at >= end) return false;
      // Kept like the place of the backslash: a search anew for each escape would make the scan quadratic.
      if (nextQuote < at) {
        nextQuote = bytes.indexOf(QUOTE, at);
        if (nextQuote === -1) return false;
      }
      if (nextBackslash < at) {
        nextBackslash = bytes.indexOf(BACKSLASH, at);
        if (nextBackslash === -1) nextBackslash = end;
      }
      const stop = Math.min(nextQuote, nextBackslash);
      if (stop - at >= LONG_STRING) {
        if (CONTROL_CHARACTER.test(bytes.toString("latin1", at, stop))) return false;
        at = stop;
      }
    }
  };

  const skipNumber = (): boolean => {
    if (bytes[at] === 0x2d) at++;
    if (bytes[at] === 0x30) at++;
    else if (!skipDigits()) return false;
    if (bytes[at] === 0x2e) {
      at++;
      if (!skipDigits()) return false;
    }
    const exponent = bytes[at];
    if (exponent === 0x65 || exponent === 0x45) {
      at++;
      const sign = bytes[at];
      if (sign === 0x2b || sign === 0x2d) at++;
      if (!skipDigits()) return false;
    }
    return true;
  };

  const skipDigits = (): boolean => {
    const first = at;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte === undefined || byte < 0x30 || byte > 0x39) break;
    }
    return at > first;
  };

  const skipWord = (word: string): boolean => {
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
    at += word.length;
    return true;
  };

  /** A string, a number or a literal, whose first byte is given and stands at `at`. */
  const skipScalar = (first: number | undefined): boolean => {
    switch (first) {
      case QUOTE:
        at++;
        return skipString();
      case 0x74:
        return skipWord("true");
      case 0x66:
        return skipWord("false");
      case 0x6e:
        return skipWord("null");
      default:
        return skipNumber();
    }
  };

  const enterMember = (keyStart: number, keyEnd: number) => {
    member = memberAt(bytes, keyStart, keyEnd);
    if (member === undefined) {
      const name = suspectName(bytes, keyStart, keyEnd);
      if (name === undefined) return;
      // Another spelling of a member, for every parser or for some.
      if (!MEMBER_BITS.has(name)) {
        ambiguous = true;
        return;
      }
      member = MEMBERS.find((known) => known === name);
    }
    const bit = member === undefined ? 0 : (MEMBER_BITS.get(member) ?? 0);
    if ((seen & bit) !== 0) ambiguous = true;
    seen |= bit;
  };

  const leaveMember = () => {
    if (member === undefined) return;
    // No other JSON value begins so.
    if (bytes[memberStart] === 0x6e) found.hasNull = true;
    switch (member) {
      case "id":
        found.idStart = memberStart;
        found.idEnd = at;
        break;
      case "method":
        found.methodStart = memberStart;
        found.methodEnd = at;
        break;
      case "jsonrpc":
        found.jsonrpcStart = memberStart;
        found.jsonrpcEnd = at;
        break;
      case "result":
        found.hasResult = true;
        break;
      case "error":
        found.hasError = true;
        break;
    }
    member = undefined;
  };

  const scanAll = (): ScannedMessage | ScanFlaw => {
    skipSpace();
    const first = bytes[at];
    if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
      // A scalar is JSON too, and deserves the other answer.
      if (!skipScalar(first)) return "not-json";
      skipSpace();
      return at === end ? "not-object" : "not-json";
    }
    const isArray = first === OPEN_ARRAY;

    let depth = 0;
    let expectValue = true;
    for (;;) {
      skipSpace();
      const byte = bytes[at];
      if (expectValue) {
        if (depth === 1 && !isArray) memberStart = at;
        if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
          depth++;
          if (depth > maxDepth) return "too-deep";
          isObject[depth] = byte === OPEN_OBJECT ? 1 : 0;
          at++;
          skipSpace();
          const next = bytes[at];
          if (byte === OPEN_ARRAY) {
            if (next !== CLOSE_ARRAY) continue;
          } else if (next !== CLOSE_OBJECT) {
            if (next !== QUOTE) return "not-json";
            const keyStart = ++at;
            if (!skipString()) return "not-json";
            if (depth === 1) enterMember(keyStart, at - 1);
            skipSpace();
            if (bytes[at] !== COLON) return "not-json";
            at++;
            continue;
          }
          // Empty: fall through to the closing bracket.
          expectValue = false;
          continue;
        }
        if (!skipScalar(byte)) return "not-json";
        if (depth === 1 && !isArray) leaveMember();
        expectValue = false;
        continue;
      }
      const inObject = isObject[depth] === 1;
      if (byte === COMMA) {
        at++;
        if (inObject) {
          skipSpace();
          if (bytes[at] !== QUOTE) return "not-json";
          const keyStart = ++at;
          if (!skipString()) return "not-json";
          if (depth === 1) enterMember(keyStart, at - 1);
          skipSpace();
          if (bytes[at] !== COLON) return "not-json";
          at++;
        }
        expectValue = true;
        continue;
      }
      if (byte !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return "not-json";
      at++;
      depth--;
      if (depth === 0) {
        skipSpace();
        if (at !== end) return "not-json";
        if (isArray) return "array";
        return ambiguous ? "ambiguous" : found;
      }
      if (depth === 1 && !isArray) leaveMember();
    }
  };

  return (message) => {
    bytes = message;
    end = message.length;
    at = 0;
    nextBackslash = -1;
    nextQuote = -1;
    found = emptyMessage();
    seen = 0;
    ambiguous = false;
    member = undefined;
    const result = scanAll();
    // What was read must not be kept alive by what reads it.
    bytes = NOTHING;
    return result;
  };
}

const NOTHING = Buffer.alloc(0);
