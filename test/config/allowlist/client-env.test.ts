import { describe, expect, test } from "bun:test";
import { optionalVariables, readClientEnv } from "../../../src/config/allowlist/client-env.ts";

const policy = (clientEnv: unknown) => {
  const read = readClientEnv(clientEnv);
  if (read.policy === "*") throw new Error("not a map");
  return read.policy;
};

describe("clientEnv", () => {
  test("as a list takes any value of each name", () => {
    expect([...policy(["API_KEY", "TOKEN"])]).toEqual([
      ["API_KEY", { required: false, pattern: undefined, maxLength: 8192 }],
      ["TOKEN", { required: false, pattern: undefined, maxLength: 8192 }],
    ]);
  });

  test("as * takes every name", () => {
    expect(readClientEnv("*")).toEqual({ policy: "*", faults: [] });
  });

  test("as an object has a rule for each name", () => {
    const rules = policy({ API_KEY: { required: true, maxLength: 64 }, TOKEN: {} });
    expect(rules.get("API_KEY")).toEqual({ required: true, pattern: undefined, maxLength: 64 });
    expect(rules.get("TOKEN")).toEqual({ required: false, pattern: undefined, maxLength: 8192 });
  });

  test.each([
    ["ghp_\\w+", "ghp_abc", "xghp_abc"],
    ["a|b", "b", "ab"],
    ["\\p{L}+", "ä", "1"],
    ["x$", "x", "x\n"],
  ])("the pattern %p must match the whole value", (pattern, good, bad) => {
    const rule = policy({ API_KEY: { pattern } }).get("API_KEY");
    expect(rule?.pattern?.test(good)).toBe(true);
    expect(rule?.pattern?.test(bad)).toBe(false);
    expect(rule?.pattern?.test(`${good}\nmore`)).toBe(false);
  });

  test.each(["(", "a)|(?:b", "[z-a]", "\\", "\\-"])(
    "the pattern %p is refused, not being valid by itself",
    (pattern) => {
      expect(readClientEnv({ API_KEY: { pattern } }).faults).toEqual([
        { keys: ["API_KEY", "pattern"], problem: expect.stringContaining("valid regular expression") },
      ]);
    },
  );

  test.each(["NODE_OPTIONS", "LD_PRELOAD", "PATH", "HTTPS_PROXY", "DOCKER_HOST"])(
    "F1: %s is refused unless allowDangerous says so",
    (name) => {
      expect(readClientEnv([name]).faults).toEqual([{ keys: [0], problem: expect.stringContaining(name) }]);
      expect(readClientEnv({ [name]: {} }).faults).toEqual([
        { keys: [name], problem: expect.stringContaining("allowDangerous") },
      ]);
      expect(readClientEnv({ [name]: { allowDangerous: false } }).faults).toHaveLength(1);
      const allowed = readClientEnv({ [name]: { allowDangerous: true } });
      expect(allowed.faults).toEqual([]);
      expect(allowed.policy).toEqual(optionalVariables([name]));
    },
  );

  test("a name that is listed twice is refused", () => {
    expect(readClientEnv(["A", "B", "A"]).faults).toEqual([{ keys: [2], problem: "A is in the list twice" }]);
  });

  test.each([5, null, ["low", 5], { low: {}, A: 5, __proto__: {} }])(
    "%j has nothing that fits the schema",
    (clientEnv) => {
      expect(readClientEnv(clientEnv)).toEqual({ policy: new Map(), faults: [] });
    },
  );
});
