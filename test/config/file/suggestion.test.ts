import { expect, test } from "bun:test";
import { suggest } from "../../../src/config/file/suggestion.ts";

const KEYS = ["command", "args", "env", "cwd", "clientEnv", "timeouts", "limits", "requestsPerMinute"];

test.each([
  ["comand", "command"],
  ["commnad", "command"],
  ["Command", "command"],
  ["arg", "args"],
  ["agrs", "args"],
  ["enf", "env"],
  ["clientenv", "clientEnv"],
  ["timeout", "timeouts"],
  ["requestPerMinutes", "requestsPerMinute"],
])("%p was meant to be %p", (word, meant) => {
  expect(suggest(word, KEYS)).toBe(meant);
});

test.each(["", "x", "foo", "url", "isolation"])("%p is near no key", (word) => {
  expect(suggest(word, KEYS)).toBeUndefined();
});

test("an endless key is not measured", () => {
  expect(suggest(`command${"d".repeat(1000)}`, [`command${"d".repeat(1001)}`])).toBeUndefined();
});

test("the nearest one wins", () => {
  expect(suggest("outboxByte", ["lineBytes", "outboxBytes", "requestBytes"])).toBe("outboxBytes");
  expect(suggest("timeout", ["timeouts", "timeouts2"])).toBe("timeouts");
});
