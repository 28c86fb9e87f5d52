import { expect, test } from "bun:test";
import { createRedactor } from "../../src/process/redact.ts";

test("the value of a variable becomes its name, wherever it stands and however often", () => {
  const { redact } = createRedactor([["TOKEN", "s3cr3t-value"]]);
  expect(redact("a s3cr3t-value b=s3cr3t-values3cr3t-value")).toBe("a [TOKEN] b=[TOKEN][TOKEN]");
});

test("a value that contains another one is taken whole", () => {
  const { redact } = createRedactor([
    ["SHORT", "abcdef"],
    ["LONG", "abcdefghij"],
  ]);
  expect(redact("abcdefghij abcdef")).toBe("[LONG] [SHORT]");
});

test("characters that mean something to a regular expression mean themselves", () => {
  const { redact } = createRedactor([["KEY", "a.*b$(c)"]]);
  expect(redact("a.*b$(c) axxb$(c)")).toBe("[KEY] axxb$(c)");
});

test("values under six characters are words like any other", () => {
  const { redact, longest } = createRedactor([
    ["DEBUG", "true"],
    ["EMPTY", ""],
  ]);
  expect(redact("it is true")).toBe("it is true");
  expect(longest).toBe(0);
});

test("the longest secret is known, for whoever cuts a text", () => {
  expect(
    createRedactor([
      ["A", "123456"],
      ["B", "123456789"],
    ]).longest,
  ).toBe(9);
});
