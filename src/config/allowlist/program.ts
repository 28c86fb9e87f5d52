import { resolve } from "node:path";

/** Where programs are looked for. */
export interface ProgramSearch {
  /** The proxy's own PATH: a child's never counts, as its client can influence the child's environment. */
  readonly path: string | undefined;
  /** Where relative paths start. */
  readonly directory: string;
}

/** Absolute path of an executable file for the first word of a command, or undefined when there is none. */
export function findProgram(word: string, { path, directory }: ProgramSearch): string | undefined {
  // Bun.which (1.4.5) falls back to the process's own PATH when PATH is left out, and cuts a word at a NUL.
  if (word === "" || word.includes("\0")) return undefined;
  const found = Bun.which(word, { PATH: path ?? "", cwd: directory });
  return found === null ? undefined : resolve(directory, found);
}
