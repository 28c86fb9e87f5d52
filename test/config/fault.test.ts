import { expect, test } from "bun:test";
import { describeKind, describePath, describeValue } from "../../src/config/fault.ts";

test.each<[(string | number)[], string]>([
  [["listen", "port"], "listen.port"],
  [["allowedCommands", 2, "command"], "allowedCommands[2].command"],
  [["mcpServers", "my server", "args", 0], 'mcpServers["my server"].args[0]'],
  [["mcpServers", "a\nb"], 'mcpServers["a\\nb"]'],
  [["mcpServers", ""], 'mcpServers[""]'],
  [["$schema"], "$schema"],
])("the path %j is written %p", (keys, path) => {
  expect(describePath(keys)).toBe(path);
});

test("a very long key is cut in a path", () => {
  expect(describePath(["mcpServers", "x y".repeat(1000)]).length).toBeLessThan(150);
});

test.each<[unknown, string]>([
  ["8000abc", '"8000abc"'],
  [5, "5"],
  [false, "false"],
  [null, "nothing"],
  [["a", "b"], '["a","b"]'],
  [["a", 1], "a list"],
  [{ a: 1 }, "an object"],
  ["x".repeat(100), "a text of 100 characters"],
  [["x".repeat(200)], "a list"],
])("the value %j is described as %s", (value, text) => {
  expect(describeValue(value)).toBe(text);
});

test("a value at a secret place is described by its kind alone", () => {
  expect(["secret", 5, true, ["secret"], { secret: 1 }].map(describeKind)).toEqual([
    "a text",
    "a number",
    "true or false",
    "a list",
    "an object",
  ]);
});
