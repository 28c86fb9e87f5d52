import { describe, expect, test } from "bun:test";
import {
  applyEdits,
  type Edit,
  insertMembers,
  isObjectAt,
  membersOf,
  removeMembers,
  type Span,
  textAt,
  valueAt,
} from "../../src/wire/json-edit.ts";
import { cpuMsOf } from "../support/work.ts";
import { createRandom, pick, type Random } from "./random.ts";
import { objectOf, randomMember, randomString, randomValue } from "./random-json.ts";

const ROUNDS = 2_000;

function rootOf(bytes: Buffer): Span {
  const root = valueAt(bytes, []);
  if (root === undefined) throw new Error("no value");
  return root;
}

/** The text at a path of the message with this text. */
function at(text: string, ...path: readonly string[]): string | undefined {
  const bytes = Buffer.from(text);
  const span = valueAt(bytes, path);
  return span && textAt(bytes, span);
}

function edited(text: string, edit: (bytes: Buffer, root: Span) => readonly Edit[]): string {
  const bytes = Buffer.from(text);
  return applyEdits(bytes, edit(bytes, rootOf(bytes))).toString();
}

/** A name in one of the spellings that JSON has for it. */
function spelt(random: Random, name: string): string {
  const quoted = JSON.stringify(name);
  if (random(3) > 0) return quoted;
  const units = Array.from({ length: name.length }, (_, i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, "0")}`);
  return `"${units.join("")}"`;
}

const NAMES = ["a", "id", "é", "\u9000", "é\u0080\u0080", "a\\b", "a\b", '"', "{", "\ufeffa", "__proto__", "", "😀"];

function randomObject(random: Random): { readonly text: string; readonly members: readonly string[] } {
  const members = Array.from({ length: random(6) }, () => randomMember(random, spelt(random, pick(random, NAMES)), 3));
  return { text: objectOf(random, members), members };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

describe("valueAt", () => {
  test("finds what JSON.parse finds at a path, however names are spelt and whatever comes twice", () => {
    const random = createRandom(42);
    let present = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const nested = Array.from({ length: 1 + random(3) }, () => {
        const value = random(4) === 0 ? randomValue(random, 2) : randomObject(random).text;
        return `${spelt(random, pick(random, NAMES))}:${value}`;
      });
      const text = objectOf(random, nested);
      const bytes = Buffer.from(text);
      const outer = pick(random, NAMES);
      const inner = pick(random, NAMES);
      const parsed: unknown = JSON.parse(text);
      const middle: unknown = isRecord(parsed) && Object.hasOwn(parsed, outer) ? parsed[outer] : undefined;
      const expected: unknown = isRecord(middle) && Object.hasOwn(middle, inner) ? middle[inner] : undefined;

      for (const [path, value] of [
        [[outer], middle],
        [[outer, inner], expected],
      ] as const) {
        const found = valueAt(bytes, path);
        if (found === undefined) expect(value).toBeUndefined();
        else {
          present++;
          expect(JSON.parse(textAt(bytes, found))).toEqual(value);
          expect(textAt(bytes, found)).toBe(textAt(bytes, found).trim());
        }
      }
    }
    expect(present).toBeGreaterThan(200);
  });

  test("keeps the digits of a number", () => {
    expect(at('{"id" : 9007199254740993.0 ,"method":"a"}', "id")).toBe("9007199254740993.0");
  });

  test("ends strings at their own quote, short and long, with any number of backslashes before it", () => {
    for (const length of [0, 1, 62, 63, 64, 65, 200]) {
      for (const end of ["", '\\"', "\\\\", '\\\\\\"', `${"\\\\".repeat(80)}\\"`, `\\"${"x".repeat(100)}\\"`]) {
        const string = `"${"x".repeat(length)}${end}"`;
        expect(at(`{"a":${string},${string}:[${string}],"id":1}`, "id")).toBe("1");
        expect(at(`{"a":${string},"id":1}`, "a")).toBe(string);
      }
    }
  });

  test("lets the last member of a name count, with nothing of those before it", () => {
    expect(at('{"params":{"a":1},"params":{"a":2}}', "params", "a")).toBe("2");
    expect(at('{"params":{"a":1},"params":{"b":2}}', "params", "a")).toBeUndefined();
    expect(at('{"params":{"a":1},"p\\u0061rams":[{"a":2}]}', "params", "a")).toBeUndefined();
  });

  test("does not take a deeper member of the same name, nor one of an array", () => {
    expect(at('{"params":{"id":1},"list":[{"id":2}]}', "id")).toBeUndefined();
    expect(at('[{"id":2}]', "id")).toBeUndefined();
    expect(at('["id",2]', "id")).toBeUndefined();
    expect(at('{"params":["id",2]}', "params", "id")).toBeUndefined();
    expect(at('"id"', "id")).toBeUndefined();
  });

  test("goes on from a value that is given as the root", () => {
    const bytes = Buffer.from('{"result":{"id":1},"id":2}');
    const root = valueAt(bytes, ["result"]);
    const id = root && valueAt(bytes, ["id"], root);
    expect(id && textAt(bytes, id)).toBe("1");
    expect(valueAt(bytes, [], root)).toEqual(root);
    expect(valueAt(Buffer.from("[12]"), [], { start: 1, end: 3 })).toEqual({ start: 1, end: 3 });
  });

  test("reads megabytes of escapes, and of nesting, in linear time", async () => {
    const escapes = `"${'\\\\\\"'.repeat(400_000)}"`;
    const nesting = `${"[".repeat(800_000)}${"]".repeat(800_000)}`;
    const work = await cpuMsOf(() => expect(at(`{"a":${escapes},"b":${nesting},"id":1}`, "id")).toBe("1"));
    // Quadratic work would take minutes.
    expect(work).toBeLessThan(15_000);
  });
});

test("isObjectAt tells objects from other values", () => {
  const bytes = Buffer.from(' {"a":[{}],"b":{ },"c":"{"}');
  const kinds = membersOf(bytes, rootOf(bytes)).map(({ value }) => isObjectAt(bytes, value));
  expect(kinds).toEqual([false, true, false]);
  expect(isObjectAt(bytes, rootOf(bytes))).toBe(true);
});

test("membersOf gives every member in order, with its name unescaped and its bytes untouched", () => {
  const random = createRandom(7);
  for (let i = 0; i < ROUNDS; i++) {
    const { text, members } = randomObject(random);
    const bytes = Buffer.from(text);
    const found = membersOf(bytes, rootOf(bytes));
    expect(found.map(({ nameStart, value }) => bytes.toString("utf8", nameStart, value.end))).toEqual([...members]);
    for (const { name, nameStart, value } of found) {
      const member: unknown = JSON.parse(`{${bytes.toString("utf8", nameStart, value.end)}}`);
      expect(isRecord(member) && Object.keys(member)).toEqual([name]);
    }
  }
});

describe("applyEdits", () => {
  test("applies edits in any order, of text and of bytes", () => {
    const edits = [
      { start: 6, end: 7, text: "€" },
      { start: 0, end: 0, text: Buffer.from("<") },
      { start: 2, end: 4, text: "" },
      { start: 7, end: 7, text: ">" },
    ];
    expect(applyEdits(Buffer.from("0123456"), edits).toString()).toBe("<0145€>");
  });

  test("puts text in before what replaces the bytes at that place, in the order given", () => {
    const edits = [
      { start: 1, end: 2, text: "R" },
      { start: 1, end: 1, text: "a" },
      { start: 1, end: 1, text: "b" },
      { start: 0, end: 1, text: "L" },
    ];
    expect(applyEdits(Buffer.from("012"), edits).toString()).toBe("LabR2");
  });

  test("without edits answers the same bytes", () => {
    const bytes = Buffer.from("{}");
    expect(applyEdits(bytes, [])).toBe(bytes);
  });

  test.each([
    ["overlap", 0, 2, 1, 3],
    ["put text into what is replaced", 0, 3, 1, 1],
    ["leave the bytes at the end", 0, 1, 3, 5],
    ["leave the bytes at the start", -1, 1, 3, 3],
    ["end before they start", 0, 1, 3, 2],
  ])("refuses edits that %s", (_, start, end, start2, end2) => {
    const edits = [
      { start, end, text: "" },
      { start: start2, end: end2, text: "" },
    ];
    expect(() => applyEdits(Buffer.from("0123"), edits)).toThrow("overlaps another or leaves them");
  });
});

describe("insertMembers", () => {
  test.each([
    ['{"b":2}', '"a":1', '{"a":1,"b":2}'],
    [' { "b":2}', '"a":1', ' {"a":1, "b":2}'],
    ["{}", '"a":1', '{"a":1}'],
    ["{ \t}", '"a":1,"c":3', '{"a":1,"c":3 \t}'],
    ['{"b":2}', "", '{"b":2}'],
    ["{}", "", "{}"],
  ])("makes of %s with %s: %s", (text, members, expected) => {
    expect(edited(text, (bytes, root) => [insertMembers(bytes, root, members)])).toBe(expected);
  });
});

describe("removeMembers", () => {
  test.each([
    ['{"x":1,"a":2}', '{"a":2}'],
    ['{"a":2,"x":1}', '{"a":2}'],
    ['{ "x":1 , "x":2 , "a":3 , "x":4 , "b":5 , "x":6 }', '{ "a":3 , "b":5 }'],
    ['{ "x" : {"a":[1,2]} }', "{  }"],
    ['{"x":1,"x":2}', "{}"],
    ["{}", "{}"],
    ['{"a":{"x":1}}', '{"a":{"x":1}}'],
  ])("makes of %s without x: %s", (text, expected) => {
    expect(edited(text, (bytes, root) => removeMembers(bytes, root, (name) => name === "x"))).toBe(expected);
  });

  test("removes any subset, while members are put in and values edited, and leaves the rest byte for byte", () => {
    const random = createRandom(2_026);
    for (let i = 0; i < ROUNDS; i++) {
      const { text } = randomObject(random);
      const bytes = Buffer.from(text);
      const root = rootOf(bytes);
      const removed = new Set(NAMES.filter(() => random(2) === 0));
      const isRemoved = (name: string) => removed.has(name);
      const kept = membersOf(bytes, root).filter(({ name }) => !isRemoved(name));
      const inserted = pick(random, ["", '"new":1', '"new":1,"a":9007199254740993']);
      const replacement = randomString(random);
      const replaced = random(2) === 0 ? kept[0] : undefined;

      const result = applyEdits(bytes, [
        ...(replaced ? [{ ...replaced.value, text: replacement }] : []),
        ...removeMembers(bytes, root, isRemoved),
        insertMembers(bytes, root, inserted, kept.length),
      ]);

      const expected = [
        ...(inserted === "" ? [] : inserted.split(",")),
        ...kept.map((member) => {
          const whole = bytes.toString("utf8", member.nameStart, member.value.end);
          const name = bytes.toString("utf8", member.nameStart, member.value.start);
          return member === replaced ? name + replacement : whole;
        }),
      ];
      // The parser agrees that it is JSON, and that it is this object.
      expect(JSON.stringify(JSON.parse(result.toString()))).toBe(JSON.stringify(JSON.parse(`{${expected.join(",")}}`)));
      const members = membersOf(result, rootOf(result));
      expect(members.map(({ nameStart, value }) => result.toString("utf8", nameStart, value.end))).toEqual(expected);
    }
  });
});
