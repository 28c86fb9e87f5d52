import { expect, test } from "bun:test";
import { jsonFlaw } from "../../../src/config/file/json-flaw.ts";
import { cpuMsOf } from "../../support/work.ts";

test.each([
  "{}",
  '{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 2}]}',
  '{"a": "a", "b": "a:", "c": "{\\"a\\": 1, \\"a\\": 2}"}',
  '{"a": 1, // "a": 2\n /* "a": 3 */ "b": 1}\n// the end\n',
  `{'a"': 1, "a": 2,}`,
  "\uFEFF{} \n",
  '"a"',
])("%j has no flaw", (text) => {
  expect(jsonFlaw(text)).toBeUndefined();
});

test.each([
  ['{"a": 1,\n"b": 2,\n"a": 3}', 'the key "a" comes twice, again in line 3'],
  ['{"a": {"b": 1, "b": 2}}', 'the key "b" comes twice, again in line 1'],
  ['[1, {"b": 1,\n "b" /* : */ : 2}]', 'the key "b" comes twice, again in line 2'],
  ['{"a": 1, "\\u0061": 2}', 'the key "a" comes twice, again in line 1'],
  [`{"a": 1, 'a': 2}`, 'the key "a" comes twice, again in line 1'],
])("F1: %j has the key of one object twice", (text, flaw) => {
  expect(jsonFlaw(text)).toBe(flaw);
});

test.each([
  ["{}\n{}", 2],
  ['{"a": 1}}', 1],
  ["{} x", 1],
])("%j goes on after its end", (text, line) => {
  expect(jsonFlaw(text)).toBe(`there is more after the end of the value, in line ${line}`);
});

test("a megabyte is looked through in linear time", async () => {
  const text = `{${Array.from({ length: 50_000 }, (_, index) => `"key ${index}": "\\\\\\""`).join(",")}}`;
  const work = await cpuMsOf(() => expect(jsonFlaw(text)).toBeUndefined());
  // Quadratic work would take minutes.
  expect(work).toBeLessThan(15_000);
});
