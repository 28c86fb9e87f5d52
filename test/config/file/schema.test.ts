import { describe, expect, test } from "bun:test";
import { Check } from "typebox/value";
import published from "../../../mcp-sse-proxy.schema.json";
import { FileSchema, jsonSchema } from "../../../src/config/file/schema.ts";
import { ALL_SETTINGS } from "../../../src/config/settings/settings.ts";

test("the published JSON schema is the one that files are checked against", () => {
  expect(published as unknown).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
});

test("every setting that has a place in the file is there in the schema, and no other scalar", () => {
  const paths = leaves(JSON.parse(JSON.stringify(FileSchema)), []);
  const expected = ALL_SETTINGS.flatMap(({ key }) => (key === undefined ? [] : [key]));
  expect(paths.filter((path) => path !== "$schema").sort()).toEqual(expected.sort());
});

/** Paths of the scalar settings below the top-level objects. */
function leaves(node: unknown, path: readonly string[]): string[] {
  if (typeof node !== "object" || node === null || path[0] === "mcpServers" || path[0] === "allowedCommands") return [];
  if (!("properties" in node)) return [path.join(".")];
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => leaves(child, [...path, key]));
}

describe("a file can hold what an option can, unless that is another type's text: it is so for", () => {
  const samples: readonly unknown[] = [
    ...[
      0,
      1,
      8000,
      65535,
      65536,
      -1,
      1.5,
      1_000_000,
      4_194_304,
      "",
      "0",
      "15s",
      "3m",
      "05s",
      "15",
      "4MB",
      "4mb",
      "512B",
    ],
    ...["127.0.0.1", "/mcp", "/mcp/", "/a b", "/a?b", "INFO", "json", "auto", null, true, [], ["loopback"], {}],
  ];
  for (const { key, kind, defaultWritten } of ALL_SETTINGS) {
    if (key === undefined) continue;
    test(key, () => {
      expect(Check(kind.schema, defaultWritten)).toBe(true);
      const types = "type" in kind.schema ? String(kind.schema.type) : "";
      for (const sample of samples) {
        if (typeof sample === "string" && !types.includes("string")) continue;
        if (kind.parse(sample).ok) expect([sample, Check(kind.schema, sample)]).toEqual([sample, true]);
      }
    });
  }
});

test("what desktop clients write is taken as it is", () => {
  const desktop = {
    mcpServers: {
      filesystem: { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "/data"] },
      github: { type: "stdio", command: "docker", args: ["run"], env: { A: "b" }, disabled: true },
    },
  };
  expect(Check(FileSchema, desktop)).toBe(true);
});

test("each group of settings says what it is for", () => {
  const groups = Object.entries(FileSchema.properties).filter(([, schema]) => "properties" in schema);
  expect(groups.length).toBeGreaterThan(5);
  for (const [name, schema] of groups)
    expect([name, "description" in schema && schema.description]).not.toEqual([name, ""]);
});
