import { commandLine, descendants, proportionalBytes, residentBytes } from "./process-table.ts";

/** The memory of one process. */
export interface ProcessMemory {
  readonly rss: number;
  /** undefined: it may not be read. */
  readonly pss: number | undefined;
}

/** A process and all below it, in bytes. */
export interface TreeMemory {
  /** Counts a page once for each process that has it: too much by what they share. */
  readonly rss: number;
  /** Counts each page once, or in part where processes outside have it, too; undefined when one process keeps it to itself. */
  readonly pss: number | undefined;
  readonly processes: number;
  /** How many of them run the server: a sandbox or a launcher around it does not count. */
  readonly servers: number;
}

/** Reads what a process and all below it hold now; `command` is the server's argument vector. */
export function treeMemory(pid: number, command: readonly string[]): TreeMemory {
  const below = descendants(pid);
  const memory = [pid, ...below].map((each) => ({ rss: residentBytes(each), pss: proportionalBytes(each) }));
  return { ...sumOf(memory), servers: below.filter((each) => runs(commandLine(each), command)).length };
}

/** Adds up the processes that are there still: one that has ended, or is a zombie, has no memory. */
export function sumOf(memory: readonly ProcessMemory[]): Omit<TreeMemory, "servers"> {
  const live = memory.filter(({ rss }) => rss > 0);
  return {
    rss: live.reduce((sum, { rss }) => sum + rss, 0),
    pss: live.reduce<number | undefined>(
      (sum, { pss }) => (sum === undefined || pss === undefined ? undefined : sum + pss),
      0,
    ),
    processes: live.length,
  };
}

/** Whether a process was started with the argument vector; its program may be spelt out as a path. */
export function runs(line: readonly string[], [program, ...args]: readonly string[]): boolean {
  const [own, ...rest] = line;
  if (own === undefined || program === undefined) return false;
  const isProgram = own === program || own.endsWith(`/${program}`);
  return isProgram && rest.length === args.length && args.every((arg, index) => rest[index] === arg);
}
