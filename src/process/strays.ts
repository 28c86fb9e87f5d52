import { readFile } from "node:fs/promises";
import { createSharedRun } from "../base/shared-run.ts";
import { MARKER_VARIABLE } from "./instance.ts";
import { forEachProcess } from "./process-table.ts";

/** Calls of one window share one walk through /proc: a thousand sessions that end together cost one walk. */
const WINDOW_MS = 50;

/** A child forks while it is being killed: look again until nothing is found, so many times at most. */
const ROUNDS = 5;
const ROUND_PAUSE_MS = 10;

export interface StrayHunter {
  /** Kills every process that carries the child's marker; resolves when none was found any more. */
  readonly killChild: (marker: string) => Promise<number>;
  /** Kills what instances that run no more have left behind; gives the number. */
  readonly killLeftovers: (isDead: (instance: string) => boolean) => Promise<number>;
}

/**
 * Finds processes that left their process group (setsid, double fork) by the marker in their environment. It works where
 * there is a /proc; elsewhere nothing is found. A process that emptied its own environment is not found either: a PID
 * namespace is what holds such a one.
 */
export function createStrayHunter(): StrayHunter {
  const wanted = new Set<string>();
  const sweep = createSharedRun(WINDOW_MS, () => {
    const markers = new Set(wanted);
    wanted.clear();
    return killMarked((marker) => markers.has(marker));
  });

  return {
    killChild: (marker) => {
      if (process.platform !== "linux") return Promise.resolve(0);
      wanted.add(marker);
      return sweep();
    },
    killLeftovers: (isDead) => killMarked((marker) => isDead(marker.slice(0, marker.lastIndexOf(".")))),
  };
}

async function killMarked(isWanted: (marker: string) => boolean): Promise<number> {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = await findMarked(isWanted);
    if (found.length === 0) break;
    for (const pid of found) if (kill(pid)) killed.add(pid);
    // One that is slow to die is still there in the next round, and is no other.
    await Bun.sleep(ROUND_PAUSE_MS);
  }
  return killed.size;
}

async function findMarked(isWanted: (marker: string) => boolean): Promise<readonly number[]> {
  const found: number[] = [];
  await forEachProcess(async (pid) => {
    const marker = await markerOf(pid);
    if (marker !== undefined && isWanted(marker)) found.push(pid);
  });
  return found;
}

async function markerOf(pid: number): Promise<string | undefined> {
  let environment: string;
  try {
    environment = await readFile(`/proc/${pid}/environ`, "latin1");
  } catch {
    // Another user's process, or one that ended in the meantime.
    return undefined;
  }
  const entry = `${MARKER_VARIABLE}=`;
  const start = environment.startsWith(entry) ? 0 : environment.indexOf(`\0${entry}`) + 1;
  if (start === 0 && !environment.startsWith(entry)) return undefined;
  const end = environment.indexOf("\0", start);
  return environment.slice(start + entry.length, end === -1 ? undefined : end);
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
