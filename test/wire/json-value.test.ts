import { expect, test } from "bun:test";
import { jsonAt, stringAt } from "../../src/wire/json-value.ts";

const line = Buffer.from('{"params":{"uri":"a\\u0062","odd":{"toString":1},"none":null,"n":1}}');

test("a value is read where it stands, whatever it is", () => {
  expect(jsonAt(line, ["params", "uri"])).toBe("ab");
  expect(jsonAt(line, ["params", "none"])).toBeNull();
  expect(jsonAt(line, ["params", "nowhere"])).toBeUndefined();
});

test("a text is a text, and nothing else is taken for one", () => {
  expect(stringAt(line, ["params", "uri"])).toBe("ab");
  for (const name of ["odd", "none", "n", "nowhere"]) expect(stringAt(line, ["params", name])).toBeUndefined();
});
