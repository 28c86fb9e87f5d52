/** A process group that we lead: `pid` is its leader's and its own id. On Windows only the leader can be reached. */
export interface ProcessGroup {
  readonly isAlive: () => boolean;
  readonly signal: (name: "SIGTERM" | "SIGKILL") => void;
}

export function processGroup(pid: number): ProcessGroup {
  const target = process.platform === "win32" ? pid : -pid;
  const send = (name: NodeJS.Signals | 0): boolean => {
    try {
      process.kill(target, name);
      return true;
    } catch {
      // ESRCH: nobody is left. EPERM: only processes of another user are, which we could not signal anyway.
      return false;
    }
  };
  return { isAlive: () => send(0), signal: (name) => void send(name) };
}
