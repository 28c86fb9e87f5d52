import { describe, expect, test } from "bun:test";
import { isUtf8 } from "node:buffer";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import type { ScanFlaw, ScannedMessage } from "../../src/wire/scanned-message.ts";
import { createRandom, pick, type Random } from "./random.ts";
import { damage, objectOf, randomMember, randomString, randomValue } from "./random-json.ts";

const MEMBERS = ["jsonrpc", "id", "method", "params", "result", "error"];
const scan = createJsonScanner(64);
const scanText = (text: string): ScannedMessage | ScanFlaw => scan(Buffer.from(text));

/** What JSON.parse makes of the same bytes. */
function kindByParser(bytes: Buffer): "not-json" | "not-object" | "array" | "object" {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (Array.isArray(value)) return "array";
    return typeof value === "object" && value !== null ? "object" : "not-object";
  } catch {
    return "not-json";
  }
}

function kindByScanner(bytes: Buffer): string {
  const found = scan(bytes);
  return typeof found === "string" && found !== "ambiguous" ? found : "object";
}

/** A top level of random members, and whether one of JSON-RPC's comes twice or in another case. */
function randomMessage(random: Random): { readonly text: string; readonly isAmbiguous: boolean } {
  const names = new Set<string>();
  let isAmbiguous = false;
  const members = Array.from({ length: random(6) }, () => {
    if (random(3) === 0) return randomMember(random, randomString(random), 3);
    const member = pick(random, MEMBERS);
    const spelling = random(6) === 0 ? member.toUpperCase() : member;
    if (names.has(member) || spelling !== member) isAmbiguous = true;
    names.add(member);
    const code = spelling.charCodeAt(0).toString(16).padStart(4, "0");
    return randomMember(random, random(4) === 0 ? `"\\u${code}${spelling.slice(1)}"` : `"${spelling}"`, 3);
  });
  return { text: objectOf(random, members), isAmbiguous };
}

describe("against JSON.parse", () => {
  test("takes and refuses the same texts, whole or damaged in one place", () => {
    const random = createRandom(20_260_728);
    let damaged = 0;
    for (let i = 0; i < 6_000; i++) {
      const text = random(2) === 0 ? randomMessage(random).text : randomValue(random, 5);
      const bytes = random(2) === 0 ? Buffer.from(text) : damage(random, text);
      // The scanner's bytes are valid UTF-8 already.
      if (!isUtf8(bytes)) continue;
      const expected = kindByParser(bytes);
      if (expected === "not-json") damaged++;
      if (kindByScanner(bytes) !== expected) throw new Error(`${expected} expected of ${bytes.toString("latin1")}`);
    }
    expect(damaged).toBeGreaterThan(1_000);
  });

  test("finds the members where they stand, and tells which message is ambiguous", () => {
    const random = createRandom(1_127);
    let ambiguous = 0;
    for (let i = 0; i < 6_000; i++) {
      const { text, isAmbiguous } = randomMessage(random);
      const bytes = Buffer.from(text);
      const found = scan(bytes);
      if (isAmbiguous) ambiguous++;
      if (typeof found === "string") {
        if (found !== "ambiguous" || !isAmbiguous) throw new Error(`${found}: ${text}`);
        continue;
      }
      const parsed: unknown = JSON.parse(text);
      const member = (start: number, end: number): unknown =>
        start === -1 ? undefined : JSON.parse(bytes.toString("utf8", start, end));
      expect({
        ...(found.idStart === -1 ? {} : { id: member(found.idStart, found.idEnd) }),
        ...(found.methodStart === -1 ? {} : { method: member(found.methodStart, found.methodEnd) }),
        ...(found.jsonrpcStart === -1 ? {} : { jsonrpc: member(found.jsonrpcStart, found.jsonrpcEnd) }),
        ...(found.hasResult ? { result: true } : {}),
        ...(found.hasError ? { error: true } : {}),
      }).toEqual(known(parsed));
    }
    expect(ambiguous).toBeGreaterThan(500);
  });
});

/** The members that a scan tells of, as the parser saw them. */
function known(parsed: unknown): object {
  const entries = Object.entries(parsed as object).filter(([name]) => MEMBERS.includes(name) && name !== "params");
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name === "result" || name === "error" ? true : value] as const),
  );
}

describe("each flaw has its name", () => {
  test.each<[string, string, ScanFlaw]>([
    ["nothing at all", "", "not-json"],
    ["white space alone", " \n\t", "not-json"],
    ["a byte order mark", "\uFEFF{}", "not-json"],
    ["an unclosed object", '{"id":1', "not-json"],
    ["an unclosed string", '{"id":"', "not-json"],
    ["a comma at the end", '{"id":1,}', "not-json"],
    ["a name without quotes", "{id:1}", "not-json"],
    ["two values", "{}{}", "not-json"],
    ["brackets that cross", '{"a":[}]', "not-json"],
    ["a raw newline in a string", '{"a":"\n"}', "not-json"],
    ["a raw control character far inside a string", `{"a":"${"x".repeat(900)}\u0001${"x".repeat(900)}"}`, "not-json"],
    ["an unknown escape", '{"a":"\\x41"}', "not-json"],
    ["half an escape", '{"a":"\\u00', "not-json"],
    ["a number with a leading zero", '{"a":01}', "not-json"],
    ["a number with a plus", '{"a":+1}', "not-json"],
    ["a number without digits after its point", '{"a":1.}', "not-json"],
    ["a minus alone", "-", "not-json"],
    ["NaN", '{"a":NaN}', "not-json"],
    ["a comment", "{}//", "not-json"],
    ["a scalar", " 42 ", "not-object"],
    ["a string", '"{}"', "not-object"],
    ["null", "null", "not-object"],
    ["an array of messages", '[{"jsonrpc":"2.0"}]', "array"],
    ["an empty array", "[]", "array"],
    ["65 levels", `{"a":${"[".repeat(64)}${"]".repeat(64)}}`, "too-deep"],
    ["a member twice", '{"id":1,"id":1}', "ambiguous"],
    ["a member twice, once by an escape", '{"id":1,"\\u0069d":2}', "ambiguous"],
    ["a member in another case", '{"Id":1}', "ambiguous"],
    ["a member in another case, by an escape", '{"\\u004dethod":"x"}', "ambiguous"],
    ["params twice", '{"params":{},"params":{}}', "ambiguous"],
  ])("%s", (_, text, flaw) => {
    expect(scanText(text)).toBe(flaw);
  });

  test("what looks like a flaw and is none", () => {
    for (const text of [
      `{"a":${"[".repeat(63)}${"]".repeat(63)}}`,
      '{"a":{"id":1,"id":2,"ID":3}}',
      '{"ident":1,"ids":2,"i":3,"":4}',
      '{"\\u0069\\u0064":1}',
      '{"a":"\\ud800"}',
    ]) {
      expect(typeof scanText(text)).toBe("object");
    }
  });
});

describe("with hostile input", () => {
  const SIXTEEN_MB = 16 * 1024 * 1024;
  // None of these would end within the test's time if one byte of text cost a search through all that follow.
  test.each([
    ["escapes and no quote", `{"a":"${"\\n".repeat(SIXTEEN_MB / 2)}`, "not-json"],
    ["escapes far apart and no quote", `{"a":"${`\\n${"x".repeat(300)}`.repeat(SIXTEEN_MB / 302)}`, "not-json"],
    ["escapes far apart", `{"a":"${`\\n${"x".repeat(300)}`.repeat(SIXTEEN_MB / 302)}"}`, "object"],
    ["escaped quotes far apart", `{"a":"${`\\"${"x".repeat(300)}`.repeat(SIXTEEN_MB / 302)}"}`, "object"],
    ["strings without an escape", `{"a":[${`"${"x".repeat(300)}",`.repeat(SIXTEEN_MB / 303)}0]}`, "object"],
    ["opening brackets", "[".repeat(SIXTEEN_MB), "too-deep"],
    ["members of one name", `{${'"a":1,'.repeat(SIXTEEN_MB / 6)}"b":2}`, "object"],
  ])("16 MB of %s are read in linear time", (_, text, kind) => {
    expect(kindByScanner(Buffer.from(text))).toBe(kind);
  });

  test("a scan leaves nothing behind for the next", () => {
    expect(scanText('{"id":1,"id":2}')).toBe("ambiguous");
    expect(scanText(`{"a":"${"\\n".repeat(400)}`)).toBe("not-json");
    expect(scanText(`{"method":"${"x".repeat(600)}"}`)).toMatchObject({ methodStart: 10, idStart: -1 });
  });
});
