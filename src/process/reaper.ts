import { FFIType, ptr } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";
import { openCLibrary } from "../base/c-library.ts";

/** waitpid(2) */
const WNOHANG = 1;

/** How often it is looked for orphans that have ended. */
const INTERVAL_MS = 1_000;

/** The look at which one is reaped: by then the event loop has had a turn in which the runtime sees the end of what it started. */
const PATIENCE = 2;

/**
 * Reaps, as PID 1 of a container without an init must, what servers leave behind: a process whose parent has ended becomes a child of
 * PID 1, and stays in the process table as a zombie until that waits for it. Every other process has an init for this.
 *
 * The runtime waits for the processes that it started by itself, each by its PID, at once; those that are still zombies at the second
 * look are therefore orphans, and are waited for one by one: waiting for any would steal the runtime's exit codes. @returns the stopper.
 */
export function startReaper(pid = process.pid): () => void {
  if (process.platform !== "linux" || pid !== 1) return () => undefined;
  const library = openCLibrary({ waitpid: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i32 } });
  if (library === undefined) return () => undefined;
  const status = new Int32Array(1);
  const seen = new Map<number, number>();
  const timer = setInterval(() => {
    const zombies = zombieChildren(pid);
    for (const known of [...seen.keys()]) if (!zombies.includes(known)) seen.delete(known);
    for (const zombie of zombies) {
      const looks = (seen.get(zombie) ?? 0) + 1;
      seen.set(zombie, looks);
      if (looks < PATIENCE) continue;
      library.symbols.waitpid(zombie, ptr(status), WNOHANG);
      seen.delete(zombie);
    }
  }, INTERVAL_MS);
  // Nothing to stay for by itself.
  timer.unref();
  return () => {
    clearInterval(timer);
    library.close();
  };
}

/** Children of a process that have ended and wait for it (proc(5), stat). */
export function zombieChildren(parent: number): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      if (!Number.isSafeInteger(pid)) return false;
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        const [state, above] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" && Number(above) === parent;
      } catch {
        // Gone in the meantime.
        return false;
      }
    });
}
