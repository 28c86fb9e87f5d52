import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..", "..");
export const README = join(ROOT, "README.md");

export const page = await Bun.file(README).text();

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

/** The code of the one block with this name. */
export function codeOf(name: string): string {
  const [block, second] = codeBlocks(page).filter((one) => one.name === name);
  if (block === undefined || second !== undefined) throw new Error(`README.md needs one block "test: ${name}"`);
  return block.code;
}

/** What stands between `<!-- NAME -->` and its closing comment. */
export function partOf(
  text: string,
  name: string,
): { readonly before: string; readonly inside: string; readonly after: string } {
  const open = `<!-- ${name} -->\n`;
  const start = text.indexOf(open) + open.length;
  const end = text.indexOf("<!-- /", start);
  if (start < open.length || end === -1) throw new Error(`README.md has no part <!-- ${name} -->`);
  return { before: text.slice(0, start), inside: text.slice(start, end), after: text.slice(end) };
}

/** The text under a heading, up to the next heading of the same or a higher level. */
export function sectionOf(heading: string): string {
  const lines = page.split("\n");
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`README.md has no heading ${heading}`);
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
