import { describe, expect, test } from "bun:test";
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { page, ROOT } from "./page.ts";

/** The page without its blocks of code. */
const prose = page.replace(/^```.*?^```$/gms, "");

describe("the README", () => {
  test("names only scripts that can be run", () => {
    const scripts = found(/\.\/(scripts\/[\w-]+)/g, page);
    expect(scripts).toContain("scripts/start");
    for (const script of scripts) expect(() => accessSync(join(ROOT, script), constants.X_OK)).not.toThrow();
  });

  test("names only package scripts that package.json has", () => {
    const names = found(/\bbun run ([\w-]+)/g, page);
    expect(names).toContain("bench");
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining([...names]));
  });

  test("links only to files and headings that are there", () => {
    const links = found(/\]\(([^)\s]+)\)/g, prose).filter((link) => !/^https?:/.test(link));
    expect(links.length).toBeGreaterThan(10);
    const broken = links.filter((link) => {
      const [path = "", anchor] = link.split("#");
      return path === "" ? !anchors().includes(anchor ?? "") : !existsSync(join(ROOT, path));
    });
    expect(broken).toEqual([]);
  });

  test("names only files and folders that are there", () => {
    const paths = found(/`((?:test|scripts|src)\/[\w./-]*)`/g, prose);
    expect(paths).toContain("src/main.ts");
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test("begins with what it is, then set-up, tests, binary and clients, in this order", () => {
    const headings = page.split("\n").filter((line) => line.startsWith("## "));
    expect(headings).toEqual([
      ...[
        "## Start it",
        "## Run the tests",
        "## Get the binary",
        "## Connect a client",
        "## Clients and servers of different revisions",
        "## Configuration",
      ],
      ...["## HTTP surface", "## Errors", "## Deployment", "## Security model", "## Benchmarks"],
      "## How the code is laid out",
    ]);
  });
});

/** What the pattern's group finds, once each. */
function found(pattern: RegExp, text: string): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ""))];
}

/** The anchors that GitHub makes of headings: lower case, without punctuation, hyphens for spaces. */
function anchors(): readonly string[] {
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
