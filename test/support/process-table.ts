import { readdirSync, readFileSync } from "node:fs";

/** One row of the process table, zombies included. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** "Z" for one that ended and was not waited for. */
  readonly state: string;
  readonly commandLine: string;
}

/** All processes that can be seen now. Linux only: it reads /proc. */
export function processes(): readonly Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((found) => found !== undefined);
}

/** Processes whose environment holds this text: the trace that a parent leaves in all its descendants, however they detach. */
export function processesWithEnvironment(text: string): readonly Process[] {
  return processes().filter(({ pid }) => read(`/proc/${pid}/environ`).includes(text));
}

/** Processes whose command line holds this text. */
export function processesWithCommand(text: string): readonly Process[] {
  return processes().filter(({ commandLine }) => commandLine.includes(text));
}

/** The processes that descend from this one by parenthood, without itself. */
export function descendants(pid: number): readonly Process[] {
  const all = processes();
  const found: Process[] = [];
  const visit = (parent: number): void => {
    for (const child of all.filter((candidate) => candidate.parent === parent)) {
      found.push(child);
      visit(child.pid);
    }
  };
  visit(pid);
  return found;
}

/** Whether it runs: a zombie does not. */
export function isRunning(pid: number): boolean {
  const found = readProcess(pid);
  return found !== undefined && found.state !== "Z";
}

/** Number of open file descriptors. */
export function descriptorCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Time on a CPU so far, in milliseconds: work, however long it had to wait for its turn. */
export function cpuMs(pid: number): number {
  const [user, system] = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ")
    .slice(11, 13);
  // In hundredths of a second, which is what Linux counts in for programs on every platform.
  return (Number(user) + Number(system)) * 10;
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1_024;
}

function readProcess(pid: number): Process | undefined {
  // The command's own name stands in parentheses and may hold anything, so the fields are counted from the last one.
  const [state, parent] = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  if (state === undefined || parent === undefined) return undefined;
  return { pid, parent: Number(parent), state, commandLine: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() };
}

/** Empty for a process that is gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
