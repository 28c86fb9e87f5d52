import { readFileSync, readlinkSync } from "node:fs";

/** Name of the variable that marks every process of a child's tree with its instance and its child. */
export const MARKER_VARIABLE = "MCP_SSE_PROXY_CHILD";

/**
 * Names this running proxy among all that ever ran on the host: its PID namespace, PID and start time in clock ticks
 * since boot. Two with the same PID are told apart by the start time, two containers by the namespace.
 */
export function instanceName(pid: number): string {
  return `${pidNamespace()}-${pid}-${startTime(pid) ?? Date.now()}`;
}

/** Whether the instance of such a name belongs to this PID namespace and runs no more; where there is no /proc: false. */
export function isDeadInstance(name: string): boolean {
  const [namespace, pid, started] = name.split("-");
  if (namespace === undefined || pid === undefined || started === undefined) return false;
  if (namespace === "0" || namespace !== pidNamespace()) return false;
  const found = startTime(Number(pid));
  // Where /proc hides other processes (hidepid) it shows nothing of a proxy that has made itself private: a signal reaches it all the same.
  return found === undefined ? !exists(Number(pid)) : found !== Number(started);
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the command's name before it may hold spaces and brackets. */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[19]);
    return Number.isSafeInteger(ticks) ? ticks : undefined;
  } catch {
    return undefined;
  }
}
