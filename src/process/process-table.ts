import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSharedRun } from "../base/shared-run.ts";

/** Processes that are looked at at once: a bound on open files, and a chance for other work in between. */
const READS_AT_ONCE = 32;

/** Children that end together share one walk through /proc: a thousand of them must not walk it a thousand times. */
const WINDOW_MS = 10;

/** A process as /proc/PID/stat shows it (proc(5)). */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** The host's processes, as far as they can be seen. Where there is no /proc there are none. */
export interface ProcessTable {
  /** The living members of a process group. A zombie is none: it is dead, and only waits for its parent to notice. */
  readonly groupMembers: (group: number) => Promise<readonly ProcessEntry[]>;
}

export function createProcessTable(): ProcessTable {
  const snapshot = createSharedRun(WINDOW_MS, readGroups);
  return { groupMembers: async (group) => (await snapshot()).get(group) ?? [] };
}

/** Looks at every process but this one, some at a time. */
export async function forEachProcess(look: (pid: number) => Promise<void>): Promise<void> {
  const pids = processIds();
  for (let i = 0; i < pids.length; i += READS_AT_ONCE) {
    await Promise.all(pids.slice(i, i + READS_AT_ONCE).map(look));
  }
}

async function readGroups(): Promise<ReadonlyMap<number, readonly ProcessEntry[]>> {
  const groups = new Map<number, ProcessEntry[]>();
  await forEachProcess(async (pid) => {
    const entry = await livingProcess(pid);
    if (entry === undefined) return;
    const members = groups.get(entry.group);
    if (members === undefined) groups.set(entry.group, [entry]);
    else members.push(entry);
  });
  return groups;
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
