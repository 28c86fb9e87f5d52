import type { FileSink, Subprocess } from "bun";
import type { ProcessExit } from "./exit.ts";

export interface SpawnOptions {
  /** Argument vector; its first word is an absolute path, or Bun would search the child's PATH for it. */
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment: when it is left out, Bun hands over all of the proxy's own, secrets included. */
  readonly environment: Readonly<Record<string, string>>;
  /** What to do with stdout and stderr. Default: pipe. */
  readonly output?: "pipe" | "ignore";
  readonly onExit?: (exit: ProcessExit) => void;
}

export interface SpawnedProcess {
  readonly pid: number;
  readonly stdin: FileSink;
  readonly stdout: ReadableStream<Uint8Array> | undefined;
  readonly stderr: ReadableStream<Uint8Array> | undefined;
  readonly unref: () => void;
}

/**
 * The only place where a process is started: as leader of its own session and process group, without a shell.
 *
 * @throws what Bun.spawn throws; its text can hold values of the environment, so it must reach neither a caller nor the log.
 */
export function spawnProcess({ command, cwd, environment, output = "pipe", onExit }: SpawnOptions): SpawnedProcess {
  const subprocess: Subprocess<"pipe", "pipe" | "ignore", "pipe" | "ignore"> = Bun.spawn([...command], {
    cwd,
    env: environment,
    stdin: "pipe",
    stdout: output,
    stderr: output,
    detached: true,
    onExit: (_subprocess, code, signal) => onExit?.({ code, signal: signalName(signal) }),
  });
  return {
    pid: subprocess.pid,
    stdin: subprocess.stdin,
    stdout: subprocess.stdout ?? undefined,
    stderr: subprocess.stderr ?? undefined,
    unref: () => subprocess.unref(),
  };
}

/** Bun gives the name at run time, and says number in its types. */
function signalName(signal: number | string | null): string | null {
  return signal === null ? null : String(signal);
}
