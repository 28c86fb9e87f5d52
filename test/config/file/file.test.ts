import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfigurationFile } from "../../../src/config/file/file.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-file-"));
});
afterEach(() => rmSync(root, { recursive: true }));

async function readOne(name: string, text: string | Uint8Array) {
  writeFileSync(join(root, name), text);
  const { content, faults } = await readConfigurationFile(name, root);
  return { content, faults: faults.map(({ where, problem }) => `${where}: ${problem}`) };
}

describe("a configuration file", () => {
  test.each([
    ["a.json", '{"listen": {"port": 1}}'],
    ["a.json", '\uFEFF{\n// JSON with comments, too\n"listen": {"port": 1,},}'],
    ["a.jsonc", '{"listen": /* here */ {"port": 1}}'],
    ["a.yaml", "listen:\n  port: 1\n"],
    ["a.yml", "{listen: {port: 1}}"],
    ["a.toml", "[listen]\nport = 1\n"],
    ["A.JSON", '{"listen": {"port": 1}}'],
  ])("%s is read: %j", async (name, text) => {
    expect(await readOne(name, text)).toEqual({ content: { listen: { port: 1 } }, faults: [] });
  });

  test.each([
    ["a.yaml", ""],
    ["a.yaml", "# nothing yet\n"],
    ["a.toml", ""],
  ])("%s that is empty (%j) says nothing", async (name, text) => {
    expect(await readOne(name, text)).toEqual({ content: {}, faults: [] });
  });

  test.each([
    ["a.json", '{\n  "a": 1,\n  "b" "s3cr3t"\n}', "a.json: not valid JSON: see line 3, column 7"],
    ["a.yaml", "a: 1\nb: [s3cr3t\nc: 2", "a.yaml: not valid YAML: see line 3, column 1"],
    ["a.toml", 'a = 1\nb = "s3cr3t', "a.toml: not valid TOML: see line 2, column "],
    ["a.toml", "a = 1\na = 2\n", "a.toml: not valid TOML: see line 2, column "],
    ["a.json", "", "a.json: not valid JSON"],
    ["a.json", "[".repeat(200_000), "a.json: not valid JSON"],
    ["a.json", '{"a": 1,\n"a": 2}', 'a.json: the key "a" comes twice, again in line 2'],
    ["a.json", '{"a": 1} {"b": 1}', "a.json: there is more after the end of the value, in line 1"],
  ])("%s that is broken is refused with the place and without its text", async (name, text, fault) => {
    const { content, faults } = await readOne(name, text);
    expect(content).toBeUndefined();
    expect(faults).toEqual([expect.stringContaining(fault)]);
    expect(faults.join()).not.toContain("s3cr3t");
  });

  test("that is not UTF-8 is refused", async () => {
    expect((await readOne("a.json", new Uint8Array([0x7b, 0xff, 0x7d]))).faults).toEqual(["a.json: not valid UTF-8"]);
  });

  test("over a megabyte is refused unread", async () => {
    expect((await readOne("a.json", " ".repeat(1024 ** 2 + 1))).faults).toEqual([
      "a.json: expected at most 1MB, got 1048577 bytes",
    ]);
  });

  test.each(["a.conf", "a", "a.json.bak"])("named %s is refused, as its format is unknown", async (name) => {
    expect((await readOne(name, "{}")).faults).toEqual([
      expect.stringContaining("a name that ends in .json, .jsonc, .yaml"),
    ]);
  });

  test("that is not there, or no regular file, is refused", async () => {
    mkdirSync(join(root, "folder.json"));
    const missing = await readConfigurationFile("missing.json", root);
    expect(missing.faults).toEqual([{ where: "missing.json", problem: "missing.json cannot be read (ENOENT)" }]);
    const folder = await readConfigurationFile("folder.json", root);
    expect(folder.faults).toEqual([{ where: "folder.json", problem: "not a regular file" }]);
  });

  test("may be anywhere, and its own directory is where relative paths start", async () => {
    mkdirSync(join(root, "etc"));
    writeFileSync(join(root, "etc", "a.json"), "{}");
    expect(await readConfigurationFile("etc/a.json", root)).toMatchObject({
      name: "etc/a.json",
      directory: join(root, "etc"),
    });
    const absolute = join(root, "etc", "a.json");
    expect(await readConfigurationFile(absolute, "/")).toMatchObject({ name: absolute, directory: join(root, "etc") });
  });
});

describe("without a named file", () => {
  test.each(["json", "jsonc", "yaml", "toml"])(
    "mcp-sse-proxy.%s in the working directory is read",
    async (extension) => {
      const text = extension.startsWith("json") ? '{"a": 1}' : extension === "yaml" ? "a: 1" : "a = 1";
      writeFileSync(join(root, `mcp-sse-proxy.${extension}`), text);
      const read = await readConfigurationFile(undefined, root);
      expect(read).toEqual({ name: `mcp-sse-proxy.${extension}`, directory: root, content: { a: 1 }, faults: [] });
    },
  );

  test("there may be none", async () => {
    expect(await readConfigurationFile(undefined, root)).toEqual({
      name: undefined,
      directory: root,
      content: undefined,
      faults: [],
    });
  });

  test("two of them are refused, as only one could count", async () => {
    for (const extension of ["json", "toml"]) writeFileSync(join(root, `mcp-sse-proxy.${extension}`), "");
    expect((await readConfigurationFile(undefined, root)).faults).toEqual([
      { where: "mcp-sse-proxy.json", problem: "found beside mcp-sse-proxy.toml: keep one, or name one with --config" },
    ]);
  });
});
