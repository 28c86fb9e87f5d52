import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Lines of the file of lines. */
export const LINES = 60;

/** What the servers of the matrix work on. */
export interface Files {
  /** The directory that the clients work in, and name as their root. */
  readonly root: string;
  /** The directory above it, which server-filesystem is configured with, and gives up for its client's roots. */
  readonly configured: string;
  /** In the root: a file of one line, one of 1 MB, one of many lines. */
  readonly greeting: string;
  readonly megabyte: string;
  readonly lines: string;
  /** Where what each child is given on stdin is written down. */
  readonly taps: string;
  /** A file that has no end and no beginning: to read it takes for ever. Another one for every name, in the root. */
  readonly endless: (name: string) => string;
  /** A place for a file, another one for every name. */
  readonly unused: (name: string) => string;
  readonly remove: () => void;
}

export function makeFiles(): Files {
  const place = realpathSync(mkdtempSync(join(tmpdir(), "mcp-sse-proxy-matrix-")));
  const configured = join(place, "configured");
  const root = join(configured, "root");
  for (const directory of [root, join(place, "taps"), join(place, "graphs")]) mkdirSync(directory, { recursive: true });
  const [greeting, megabyte, lines] = [join(root, "greeting"), join(root, "megabyte"), join(root, "lines")];
  writeFileSync(greeting, "hello from a file");
  writeFileSync(megabyte, "x".repeat(1_000_000));
  writeFileSync(lines, Array.from({ length: LINES }, (_, index) => `line ${index + 1}\n`).join(""));
  return {
    root,
    configured,
    greeting,
    megabyte,
    lines,
    taps: join(place, "taps"),
    endless: (name) => {
      const path = join(root, `endless-${name}`);
      const { success } = Bun.spawnSync(["mkfifo", path]);
      if (!success) throw new Error(`mkfifo ${path} failed`);
      return path;
    },
    unused: (name) => join(place, "graphs", name),
    remove: () => rmSync(place, { recursive: true, force: true }),
  };
}
