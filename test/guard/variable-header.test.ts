import { describe, expect, test } from "bun:test";
import { parseVariableHeader } from "../../src/guard/variable-header.ts";

describe("parseVariableHeader", () => {
  test.each([
    ["env_github_token", "GITHUB_TOKEN"],
    ["env_a", "A"],
    ["env-github-token", "GITHUB_TOKEN"],
    ["env-a1", "A1"],
    ["env_env_a", "ENV_A"],
  ])("reads %s as %s", (header, name) => {
    expect(parseVariableHeader(header)).toEqual({ kind: "variable", name });
  });

  test.each(["environment", "envoy-peer", "env", "env-", "x-env_a", "authorization", ""])(
    "takes %j for a header of another kind",
    (header) => {
      expect(parseVariableHeader(header)).toEqual({ kind: "other" });
    },
  );

  test.each([
    ...["env_", "env_1a", "env_f%%", "env_a-b", "env_a.b", "env__java_options", "env___proto__"],
    ...["env--", "env-1", "env--a", "env-a_b", `env_a${"b".repeat(64)}`],
  ])("refuses to guess what %j means", (header) => {
    expect(parseVariableHeader(header)).toEqual({ kind: "malformed" });
  });
});
