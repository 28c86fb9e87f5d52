import { JsonCursor } from "./json-cursor.ts";
import { MemberFinder } from "./member-finder.ts";
import type { ScanFlaw, ScannedMessage } from "./scanned-message.ts";

/** Checks that bytes are one JSON object (RFC 8259) and finds its JSON-RPC members, in one pass. */
export type JsonScanner = (bytes: Buffer) => ScannedMessage | ScanFlaw;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Makes a scanner. The bytes must be valid UTF-8 already (`isUtf8` of node:buffer is much faster than any loop).
 *
 * It exists because JSON.parse loses what a proxy must keep: the digits of an id above 2^53, and the fact that a
 * member came twice. It is iterative, so depth costs no stack, and linear, so that no input can stall the loop.
 *
 * @param maxDepth deepest nesting of arrays and objects that is taken.
 */
export function createJsonScanner(maxDepth: number): JsonScanner {
  // Reused from scan to scan, which run to their end without interruption. One bit of memory a level: is it an object?
  const isObject = new Uint8Array(maxDepth + 1);
  const cursor = new JsonCursor();
  const members = new MemberFinder();

  /** Moves over the name of a member, from its quote to behind its colon. */
  const skipKey = (depth: number): boolean => {
    const keyStart = ++cursor.at;
    if (!cursor.skipString()) return false;
    if (depth === 1) members.enter(cursor.bytes, keyStart, cursor.at - 1);
    if (cursor.skipSpace() !== COLON) return false;
    cursor.at++;
    return true;
  };

  const scanScalar = (first: number | undefined): ScanFlaw => {
    // A scalar is JSON too, and deserves the other answer.
    if (!cursor.skipScalar(first)) return "not-json";
    cursor.skipSpace();
    return cursor.at === cursor.end ? "not-object" : "not-json";
  };

  const scanAll = (): ScannedMessage | ScanFlaw => {
    const first = cursor.skipSpace();
    if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return scanScalar(first);
    const isArray = first === OPEN_ARRAY;

    let depth = 0;
    let expectValue = true;
    for (;;) {
      const byte = cursor.skipSpace();
      if (expectValue) {
        if (depth === 1 && !isArray) members.begin(cursor.at);
        if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
          depth++;
          if (depth > maxDepth) return "too-deep";
          isObject[depth] = byte === OPEN_OBJECT ? 1 : 0;
          cursor.at++;
          const next = cursor.skipSpace();
          if (byte === OPEN_ARRAY) {
            if (next !== CLOSE_ARRAY) continue;
          } else if (next !== CLOSE_OBJECT) {
            if (next !== QUOTE || !skipKey(depth)) return "not-json";
            continue;
          }
          // Empty: on to the closing bracket.
          expectValue = false;
          continue;
        }
        if (!cursor.skipScalar(byte)) return "not-json";
        if (depth === 1 && !isArray) members.leave(cursor.bytes, cursor.at);
        expectValue = false;
        continue;
      }
      const inObject = isObject[depth] === 1;
      if (byte === COMMA) {
        cursor.at++;
        if (inObject && (cursor.skipSpace() !== QUOTE || !skipKey(depth))) return "not-json";
        expectValue = true;
        continue;
      }
      if (byte !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return "not-json";
      cursor.at++;
      depth--;
      if (depth === 0) {
        cursor.skipSpace();
        if (cursor.at !== cursor.end) return "not-json";
        if (isArray) return "array";
        return members.isAmbiguous ? "ambiguous" : members.found;
      }
      if (depth === 1 && !isArray) members.leave(cursor.bytes, cursor.at);
    }
  };

  return (message) => {
    cursor.open(message);
    members.reset();
    const result = scanAll();
    cursor.close();
    return result;
  };
}
