import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** Processes that are looked at at once: a bound on open files, and a chance for other work in between. */
const READS_AT_ONCE = 32;

/** A process as /proc/PID/stat shows it (proc(5)). */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** Looks at every process but this one, some at a time. Where there is no /proc there are none. */
export async function forEachProcess(look: (pid: number) => Promise<void>): Promise<void> {
  const pids = processIds();
  for (let i = 0; i < pids.length; i += READS_AT_ONCE) {
    await Promise.all(pids.slice(i, i + READS_AT_ONCE).map(look));
  }
}

/** The living members of a process group. A zombie is none: it is dead, and only waits for its parent to notice. */
export async function groupMembers(group: number): Promise<readonly ProcessEntry[]> {
  const members: ProcessEntry[] = [];
  await forEachProcess(async (pid) => {
    const entry = await livingProcess(pid);
    if (entry?.group === group) members.push(entry);
  });
  return members;
}

async function livingProcess(pid: number): Promise<ProcessEntry | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The command's name stands in brackets and may hold anything, brackets too.
  const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? undefined : { pid, parent: Number(parent), group: Number(group) };
}

function processIds(): readonly number[] {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isSafeInteger(pid) && pid !== process.pid);
  } catch {
    return [];
  }
}
