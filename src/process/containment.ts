import { constants } from "node:os";
import { dirname } from "node:path";
import type { ProcessExit } from "./exit.ts";
import { spawnProcess } from "./spawn.ts";

export type ContainmentKind = "bubblewrap" | "none";

/** How children are kept apart from the host and from each other. */
export interface Containment {
  readonly kind: ContainmentKind;
  /**
   * The argument vector that runs a command contained. @param workspace the child's own directory: its siblings, and whatever else stands
   * beside it, are out of sight then.
   */
  readonly wrap: (command: readonly [string, ...string[]], workspace?: string) => readonly [string, ...string[]];
  /** How the command ended, from how the wrapped one did. */
  readonly exitOf: (exit: ProcessExit) => ProcessExit;
}

/** A bubblewrap that takes longer to start nothing is of no use. */
const PROBE_MS = 3_000;

/**
 * bubblewrap's two processes keep the descriptors 0, 1 and 2 that they are given for as long as they live, and close all
 * others. So the child's own travel as 3, 4 and 5: nobody would see a child close its stdin or stdout otherwise.
 */
const OUTER = 'exec 3<&0 4>&1 5>&2 </dev/null >/dev/null; exec "$@"';
const INNER = 'exec "$@" <&3 >&4 2>&5 3<&- 4>&- 5>&-';

export const UNCONTAINED: Containment = { kind: "none", wrap: (command) => command, exitOf: (exit) => exit };

/**
 * Looks whether bubblewrap can give each child a PID namespace of its own here. Then nothing escapes the child's end, not
 * even by setsid; the child dies with the proxy, however that ends; and a child sees no other process: neither the proxy
 * nor a sibling with another client's credentials in its environment. The file system stays the host's.
 *
 * It often cannot: without the program, in most containers, and where unprivileged user namespaces are off.
 */
export async function findContainment(environment: Readonly<Record<string, string>>): Promise<Containment> {
  if (process.platform !== "linux") return UNCONTAINED;
  const program = Bun.which("bwrap", { PATH: environment["PATH"] ?? "" });
  const nothing = Bun.which("true", { PATH: environment["PATH"] ?? "" });
  const shell = Bun.which("sh", { PATH: environment["PATH"] ?? "" });
  if (program === null || nothing === null || shell === null) return UNCONTAINED;
  const wrap: Containment["wrap"] = (command, workspace) => [
    shell,
    "-c",
    OUTER,
    "sh",
    program,
    "--unshare-pid",
    "--die-with-parent",
    "--dev-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    ...(workspace === undefined ? [] : ["--tmpfs", dirname(workspace), "--bind", workspace, workspace]),
    "--",
    shell,
    "-c",
    INNER,
    "sh",
    ...command,
  ];
  const { promise: exit, resolve } = Promise.withResolvers<number | null>();
  const probe = spawnProcess({
    command: wrap([nothing]),
    cwd: "/",
    environment,
    output: "ignore",
    onExit: ({ code }) => resolve(code),
  });
  const timer = setTimeout(() => {
    process.kill(probe.pid, "SIGKILL");
    resolve(null);
  }, PROBE_MS);
  const code = await exit;
  clearTimeout(timer);
  return code === 0 ? { kind: "bubblewrap", wrap, exitOf: signalFromCode } : UNCONTAINED;
}

/** As a shell does, bubblewrap tells of a signal by an exit code of 128 and its number. */
function signalFromCode({ code, signal }: ProcessExit): ProcessExit {
  const number = (code ?? 0) - 128;
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return name === undefined ? { code, signal } : { code: null, signal: name };
}
