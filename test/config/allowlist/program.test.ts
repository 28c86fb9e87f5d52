import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../../src/config/allowlist/program.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "mcp-sse-proxy-program-")));
afterAll(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, "bin", "folder"), { recursive: true });
for (const [name, mode] of [
  ["tool", 0o755],
  ["notes", 0o644],
] as const) {
  writeFileSync(join(root, "bin", name), "#!/bin/sh\n");
  chmodSync(join(root, "bin", name), mode);
}
const tool = join(root, "bin", "tool");

describe("a program", () => {
  test("is found on the given PATH, as an absolute path", () => {
    expect(findProgram("tool", { path: join(root, "bin"), directory: "/" })).toBe(tool);
    expect(findProgram("tool", { path: "bin", directory: root })).toBe(tool);
    expect(findProgram("tool", { path: "/nowhere:bin/folder/..", directory: root })).toBe(tool);
  });

  test("is not looked for on the process's own PATH, nor in the directory", () => {
    expect(findProgram("sh", { path: undefined, directory: "/" })).toBeUndefined();
    expect(findProgram("sh", { path: "", directory: "/bin" })).toBeUndefined();
    expect(findProgram("tool", { path: "/nowhere", directory: join(root, "bin") })).toBeUndefined();
  });

  test("given as a path starts at the directory", () => {
    expect(findProgram("./bin/tool", { path: "", directory: root })).toBe(tool);
    expect(findProgram("bin/tool", { path: "", directory: root })).toBe(tool);
    expect(findProgram("../tool", { path: "", directory: join(root, "bin", "folder") })).toBe(tool);
    expect(findProgram(tool, { path: "", directory: "/" })).toBe(tool);
  });

  test.each([
    "notes",
    "folder",
    "nothing",
    "",
    "tool\0x",
    "./bin/tool\0x",
    "./bin/notes",
    "./bin/folder",
    "./bin/nothing",
  ])("%j is not found", (word) => {
    expect(findProgram(word, { path: join(root, "bin"), directory: root })).toBeUndefined();
  });
});
