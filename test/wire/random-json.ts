import { pick, type Random } from "./random.ts";

const SPACES = ["", "", "", "", " ", "\n", "\r", "\t", " \r\n "];
const NUMBERS = ["0", "-0", "1", "-7", "12.50", "1e5", "2E-3", "3e+2", "9007199254740993", "1e400", "0.1e1"];
const LITERALS = ["true", "false", "null"];
const CHARACTERS = ["a", "é", "€", "😀", "{", "}", "[", "]", ":", ",", "\u2028", "\u007f", "/", "'"];
const ESCAPES = ['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0041", "\\ud83d\\uDE00", "\\u0000"];

const space = (random: Random): string => pick(random, SPACES);

/** The text of a JSON string; one in eight is longer than what the scanner walks over byte by byte. */
export function randomString(random: Random): string {
  const parts = random(8) === 0 ? 200 + random(800) : random(6);
  let text = '"';
  const plain = random(3) === 0;
  for (let i = 0; i < parts; i++) {
    text += !plain && random(20) === 0 ? pick(random, ESCAPES) : pick(random, CHARACTERS);
  }
  return `${text}"`;
}

/** The text of any JSON value, at most so many levels deep. */
export function randomValue(random: Random, depth: number): string {
  switch (random(depth > 0 ? 5 : 3)) {
    case 0:
      return pick(random, NUMBERS);
    case 1:
      return pick(random, LITERALS);
    case 2:
      return randomString(random);
    case 3:
      return `[${randomList(random, () => randomValue(random, depth - 1))}]`;
    default:
      return `{${randomList(random, () => randomMember(random, randomString(random), depth - 1))}}`;
  }
}

/** The text of one member under this name, which is given with its quotes. */
export function randomMember(random: Random, name: string, depth: number): string {
  return `${name}${space(random)}:${space(random)}${randomValue(random, depth)}`;
}

/** The text of an object with these members, which are given as text. */
export function objectOf(random: Random, members: readonly string[]): string {
  const inner = members.map((member) => `${space(random)}${member}${space(random)}`).join(",");
  return `${space(random)}{${inner === "" ? space(random) : inner}}${space(random)}`;
}

function randomList(random: Random, item: () => string): string {
  const items = Array.from({ length: random(4) }, () => `${space(random)}${item()}${space(random)}`);
  return items.length === 0 ? space(random) : items.join(",");
}

/** Damages a text in one place: a byte more, a byte less, or another byte. */
export function damage(random: Random, text: string): Buffer {
  const bytes = Buffer.from(text);
  const at = random(bytes.length + 1);
  const strange = Buffer.from(
    pick(random, ['"', "\\", "{", "}", "[", "]", ",", ":", "0", "e", "-", ".", "x", "\n", " "]),
  );
  const keepFrom = pick(random, [at, at + 1]);
  const inserted = random(3) === 0 ? Buffer.alloc(0) : strange;
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(keepFrom)]);
}
