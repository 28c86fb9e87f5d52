import type { ProcessGroup } from "./group.ts";

/** Shares of the graceful time: for the closed stdin to be noticed, then for SIGTERM to be obeyed. */
const STDIN_SHARE = 0.2;
const TERM_SHARE = 0.7;

/**
 * From SIGTERM to SIGKILL for a process that is still starting: a package manager that is killed while it puts its work away leaves a
 * cache that no later start gets over.
 */
const UNWIND_MS = 30_000;

/** How often the group is looked at while its leader is gone but members remain: nothing reports their end. */
const POLL_MS = 20;

/** After SIGKILL only the kernel is waited for; a zombie that nobody reaps looks alive for ever. */
const KILL_WAIT_MS = 1_000;

export interface StopOptions {
  readonly group: ProcessGroup;
  /** Settles when the leader has ended. */
  readonly exited: Promise<unknown>;
  readonly closeStdin: () => void;
  /** For all rungs together; 0: SIGKILL at once. */
  readonly gracefulMs: number;
  /** It has not answered anything yet: it is given the time to unwind. */
  readonly isStarting?: boolean;
  /** Aborted: no more waiting, SIGKILL now. */
  readonly hurry: AbortSignal;
}

/** The rung on which the last process of the group went. */
export type StopRung = "stdin" | "sigterm" | "sigkill";

/**
 * Ends a process group as the MCP specification asks (stdio transport, "Shutdown"): close stdin, wait, SIGTERM, wait,
 * SIGKILL; every signal to the whole group, since launchers such as npx and sh do not pass signals on.
 */
export async function stopGroup(options: StopOptions): Promise<StopRung> {
  const { group, exited, closeStdin, gracefulMs, isStarting = false, hurry } = options;
  const started = performance.now();
  closeStdin();
  if (await isGone(group, exited, started + gracefulMs * STDIN_SHARE, hurry)) return "stdin";
  await group.signal("SIGTERM");
  const unwindMs = isStarting && gracefulMs > 0 ? UNWIND_MS : 0;
  const termUntil = Math.max(started + gracefulMs * TERM_SHARE, performance.now() + unwindMs);
  if (await isGone(group, exited, termUntil, hurry)) return "sigterm";
  await group.signal("SIGKILL");
  await isGone(group, exited, performance.now() + KILL_WAIT_MS, undefined);
  return "sigkill";
}

async function isGone(
  group: ProcessGroup,
  exited: Promise<unknown>,
  deadline: number,
  hurry: AbortSignal | undefined,
): Promise<boolean> {
  await waitFor(exited, deadline - performance.now(), hurry);
  while (await group.isAlive()) {
    const left = deadline - performance.now();
    if (left <= 0 || hurry?.aborted === true) return false;
    await waitFor(undefined, Math.min(POLL_MS, left), hurry);
  }
  return true;
}

/** Waits for the promise, the time or the signal, and leaves no timer and no listener behind. */
async function waitFor(
  promise: Promise<unknown> | undefined,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (ms <= 0 || signal?.aborted === true) return;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => resolve();
  signal?.addEventListener("abort", onAbort);
  const settled = () => resolve();
  promise?.then(settled, settled);
  await over;
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
}
