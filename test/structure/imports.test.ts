import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type SourceFile, structureFaults } from "./imports.ts";

const ROOT = join(import.meta.dir, "..", "..");

function faultsOf(path: string, text: string): string[] {
  return structureFaults([{ path, text }]);
}

async function sourceTree(): Promise<SourceFile[]> {
  const paths = [...new Bun.Glob("src/**/*.ts").scanSync(ROOT)].sort();
  return Promise.all(paths.map(async (path) => ({ path, text: await Bun.file(join(ROOT, path)).text() })));
}

describe("the direction of imports", () => {
  test.each([
    ["a lower room", "src/session/a.ts", 'import { x } from "../wire/b.ts";\nx();'],
    ["its own room", "src/session/a.ts", 'import { x } from "./b.ts";\nx();'],
    ["a package", "src/base/a.ts", 'import pino from "pino";\npino();'],
    ["any room from a command", "src/commands/demo.ts", 'import { createApp } from "../app.ts";\ncreateApp();'],
    ["package.json from the version", "src/version.ts", 'import m from "../package.json" with { type: "json" };\nm.x;'],
  ])("lets a file import %s", (_, path, text) => {
    expect(faultsOf(path, text)).toEqual([]);
  });

  test.each([
    ["upwards", "src/wire/a.ts", 'import { x } from "../session/b.ts";\nx();'],
    ["upwards", "src/base/deep/a.ts", 'import type { X } from "../../process/b.ts";\nexport const x: X = 1;'],
    ["upwards", "src/config/a.ts", 'import "../main.ts";'],
    ["upwards", "src/guard/a.ts", 'export const x = () => import("../config/b.ts");'],
    ["upwards", "src/link/a.ts", 'export { x } from "../session/b.ts";\nexport const y = 1;'],
    ["upwards", "src/link/a.ts", 'import {\n  type X,\n  type Y,\n} from "../app.ts";\nexport const y: X & Y = 1;'],
    ["upwards", "src/wire/a.ts", 'export const x: import("../link/b.ts").X = 1;'],
    ["sideways", "src/ops/a.ts", 'import { x } from "../link/b.ts";\nx();'],
  ])("refuses an import that goes %s (%s)", (direction, path, text) => {
    expect(faultsOf(path, text)).toEqual([expect.stringContaining(`${path}: imports ${direction}`)]);
  });
});

describe("files", () => {
  test("a file that only re-exports is refused", () => {
    const text = '/** All of it. */\nexport * from "./a.ts";\nexport type { B } from "./b.ts";\n';
    expect(faultsOf("src/wire/index.ts", text)).toEqual([expect.stringContaining("only re-exports")]);
  });

  test("a file of more than 300 lines is refused, one of 300 is not", () => {
    expect(faultsOf("src/wire/a.ts", "x();\n".repeat(300))).toEqual([]);
    expect(faultsOf("src/wire/a.ts", "x();\n".repeat(301))).toEqual(["src/wire/a.ts: has 301 lines, more than 300"]);
  });

  test("a file outside of the rooms is refused", () => {
    expect(faultsOf("src/utils/a.ts", "x();")).toEqual(["src/utils/a.ts: is in none of the rooms"]);
    expect(faultsOf("src/stray.ts", "x();")).toEqual(["src/stray.ts: is in none of the rooms"]);
  });
});

test("the source tree keeps to its structure", async () => {
  const files = await sourceTree();
  expect(files.length).toBeGreaterThan(0);
  expect(structureFaults(files)).toEqual([]);
});
