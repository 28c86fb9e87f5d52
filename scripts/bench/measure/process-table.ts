import { readdirSync, readFileSync } from "node:fs";

/** /proc counts CPU time in USER_HZ, which is 100 on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process and all its threads, in seconds, exact to 10 ms (proc_pid_stat(5), fields 14 and 15). */
export function cpuSeconds(pid: number): number {
  const fields = statFields(readFileSync(`/proc/${pid}/stat`, "latin1"));
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in bytes (VmRSS of proc_pid_status(5)); 0 for a process that has ended. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readOf(pid, "status"))?.[1];
  return kilobytes === undefined ? 0 : Number(kilobytes) * 1024;
}

/** Proportional set size in bytes (Pss of proc_pid_smaps(5): a page that n processes share counts 1/n in each); undefined where it may not be read. */
export function proportionalBytes(pid: number): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readOf(pid, "smaps_rollup"))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** The argument vector of a process (proc_pid_cmdline(5)); empty for one that has ended. */
export function commandLine(pid: number): string[] {
  return readOf(pid, "cmdline").split("\0").slice(0, -1);
}

/** The processes below a process, without itself. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const candidate of allPids()) {
    const parent = Number(statFields(readOf(candidate, "stat"))[1]);
    parents.set(parent, [...(parents.get(parent) ?? []), candidate]);
  }
  const below = [...(parents.get(pid) ?? [])];
  for (const child of below) below.push(...(parents.get(child) ?? []));
  return below;
}

/** The live processes whose environment was started with `entry` ("NAME=value"), wherever they were reparented to. */
export function pidsWithEnvironment(entry: string): number[] {
  return allPids().filter((pid) => readOf(pid, "environ").split("\0").includes(entry));
}

function allPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** The fields from the third one on: the second, the program's name, may hold spaces and parentheses. */
function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A file of a process; empty when the process ended meanwhile or is someone else's. */
function readOf(pid: number, file: "stat" | "status" | "environ" | "cmdline" | "smaps_rollup"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && /^(ENOENT|ESRCH|EACCES|EPERM)$/.test(String(error.code)))
      return "";
    throw error;
  }
}
