import { describe, expect, test } from "bun:test";
import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { found, pageAt, pages, proseOf, ROOT, sectionOf } from "./pages.ts";

const README_LINES = 210;

describe.each(pages.map((page) => [page.path, page] as const))("%s", (path, { text }) => {
  const prose = proseOf(text);

  test("names only scripts that can be run", () => {
    for (const script of found(/\.\/(scripts\/[\w-]+|\.ci\/[\w-]+)/g, text))
      expect(() => accessSync(join(ROOT, script), constants.X_OK)).not.toThrow();
  });

  test("names only package scripts that package.json has", () => {
    const names = found(/\bbun run ([\w-]+)/g, text);
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining([...names]));
  });

  test("links only to files and headings that are there", () => {
    const links = found(/\]\(([^)\s]+)\)/g, prose).filter((link) => !/^https?:/.test(link));
    expect(links.filter((link) => !isThere(path, link))).toEqual([]);
  });

  test("names only files and folders that are there", () => {
    const paths = found(/`((?:\.ci|docs|test|scripts|src)\/[\w./-]*)`/g, prose);
    expect(paths.filter((one) => !existsSync(join(ROOT, one)))).toEqual([]);
  });

  test("has one title, and no heading twice", () => {
    const headings = found(/^(#+ .+)$/gm, prose);
    expect(headings.filter((heading) => heading.startsWith("# "))).toHaveLength(1);
    expect(anchorsOf(prose)).toHaveLength(new Set(anchorsOf(prose)).size);
  });
});

describe("the README", () => {
  const { text } = pageAt("README.md");

  test(`is a page of at most ${README_LINES} lines`, () => {
    expect(text.split("\n").length).toBeLessThanOrEqual(README_LINES);
  });

  test("begins with what it is, then the start, a server of one's own, a client, the binary and the tests", () => {
    expect(text.split("\n").filter((line) => line.startsWith("## "))).toEqual([
      ...["## Start it", "## Your first server", "## Connect a client", "## Get the binary", "## Run the tests"],
      ...["## When something goes wrong", "## Documentation"],
    ]);
  });

  test("leads to every page", () => {
    const listed = found(/^\| \[[^\]]+\]\(([^)]+)\)/gm, sectionOf("README.md", "## Documentation"));
    const others = pages.map(({ path }) => path).filter((path) => path !== "README.md");
    expect([...listed].sort()).toEqual(others.sort());
  });
});

test("CONTRIBUTING.md says of ten things and more where to change them", () => {
  const rows = sectionOf("CONTRIBUTING.md", "## Where would I change …?")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const [, , ...questions] = rows;
  expect(questions.length).toBeGreaterThanOrEqual(10);
  for (const question of questions) expect(question).toMatch(/`src\/[\w./-]+`/);
});

/** Whether a relative link of a page leads to a file, and to a heading of it where it names one. */
function isThere(from: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : normalize(join(dirname(from), path));
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  const page = pages.find((one) => one.path === target);
  return page !== undefined && anchorsOf(proseOf(page.text)).includes(anchor);
}

/** The anchors that GitHub makes of headings: lower case, without punctuation, hyphens for spaces. */
function anchorsOf(prose: string): readonly string[] {
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
