import { readdirSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..", "..");

/** A page of the documentation. */
export interface Page {
  /** From the root of the repository: `docs/errors.md`. */
  readonly path: string;
  readonly text: string;
}

const paths = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `docs/${name}`),
];

/** All of them, the README first. */
export const pages: readonly Page[] = await Promise.all(
  paths.map(async (path) => ({ path, text: await Bun.file(join(ROOT, path)).text() })),
);

export function pageAt(path: string): Page {
  const page = pages.find((one) => one.path === path);
  if (page === undefined) throw new Error(`there is no page ${path}`);
  return page;
}

/** A fenced block of code. */
export interface CodeBlock {
  /** From the comment `<!-- test: NAME -->` on the line above; undefined: no test runs it. */
  readonly name: string | undefined;
  readonly language: string;
  readonly code: string;
}

export function codeBlocks(text: string): readonly CodeBlock[] {
  const fences = /(?:^<!-- test: (\S+) -->\n)?^```(\w*)\n(.*?)^```$/gms;
  return [...text.matchAll(fences)].map(([, name, language = "", code = ""]) => ({ name, language, code }));
}

/** The text without its blocks of code. */
export function proseOf(text: string): string {
  return text.replace(/^```.*?^```$/gms, "");
}

/** The code of the one block with this name, on whichever page it stands. */
export function codeOf(name: string): string {
  const blocks = pages.flatMap(({ text }) => codeBlocks(text));
  const [block, second] = blocks.filter((one) => one.name === name);
  if (block === undefined || second !== undefined) throw new Error(`the pages need one block "test: ${name}"`);
  return block.code;
}

/** A text cut in three by `<!-- NAME -->` and its closing comment. */
export interface Part {
  readonly before: string;
  readonly inside: string;
  readonly after: string;
}

/** The part of this name, if the text has one. */
export function partIn(text: string, name: string): Part | undefined {
  const open = `<!-- ${name} -->\n`;
  const start = text.indexOf(open) + open.length;
  if (start < open.length) return undefined;
  const end = text.indexOf("<!-- /", start);
  if (end === -1) throw new Error(`the part ${open.trim()} has no end`);
  return { before: text.slice(0, start), inside: text.slice(start, end), after: text.slice(end) };
}

/** What stands in the one part of this name, on whichever page it is. */
export function partOf(name: string): string {
  const parts = pages.flatMap(({ text }) => partIn(text, name) ?? []);
  const [part, second] = parts;
  if (part === undefined || second !== undefined) throw new Error(`the pages need one part <!-- ${name} -->`);
  return part.inside;
}

/** The text of a page under a heading, up to the next heading of the same or a higher level. */
export function sectionOf(path: string, heading: string): string {
  const lines = pageAt(path).text.split("\n");
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`${path} has no heading ${heading}`);
  const level = heading.indexOf(" ");
  const length = lines.slice(start + 1).findIndex((line) => /^#{2,6} /.test(line) && line.indexOf(" ") <= level);
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join("\n");
}

/** The texts in backticks of each row's first cell, below the head of a table. */
export function firstCells(table: string): readonly (readonly string[])[] {
  return table
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((row) => inBackticks(row.split("|")[1] ?? ""));
}

export function inBackticks(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
}

/** What the pattern's group finds, once each. */
export function found(pattern: RegExp, text: string): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ""))];
}
