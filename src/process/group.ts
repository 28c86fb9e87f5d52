import type { ProcessTable } from "./process-table.ts";

/** A process group that we lead: `pid` is its leader's and its own id. On Windows only the leader can be reached. */
export interface ProcessGroup {
  /** Whether a member still runs. */
  readonly isAlive: () => Promise<boolean>;
  readonly signal: (name: "SIGTERM" | "SIGKILL") => Promise<void>;
}

/**
 * @param contained the leader is the outer half of a PID namespace (containment.ts), its child the namespace's init. A
 * SIGTERM would kill the outer half and with it, at once, everything inside; so it goes to those inside alone.
 */
export function processGroup(pid: number, contained: boolean, table: ProcessTable): ProcessGroup {
  const target = process.platform === "win32" ? pid : -pid;
  return {
    isAlive: async () => {
      if (!send(target, 0)) return false;
      // Where nobody reaps orphans a group of zombies would look alive for ever.
      return process.platform !== "linux" || (await table.groupMembers(pid)).length > 0;
    },
    signal: async (name) => {
      if (!contained || name === "SIGKILL") {
        send(target, name);
        return;
      }
      for (const member of await table.groupMembers(pid)) {
        if (member.pid !== pid && member.parent !== pid) send(member.pid, name);
      }
    },
  };
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch {
    // ESRCH: nobody is left. EPERM: only processes of another user are, which we could not signal anyway.
    return false;
  }
}
