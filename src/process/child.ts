import type { Logger } from "../base/logger.ts";
import type { Containment } from "./containment.ts";
import { childEnvironment } from "./environment.ts";
import type { ProcessExit } from "./exit.ts";
import { processGroup } from "./group.ts";
import type { Guardian } from "./guardian.ts";
import { createLineBudget } from "./line-budget.ts";
import type { ProcessTable } from "./process-table.ts";
import { createRedactor } from "./redact.ts";
import type { Server } from "./server.ts";
import { type SpawnedProcess, spawnProcess } from "./spawn.ts";
import { followStderr } from "./stderr-tail.ts";
import { createStdinQueue } from "./stdin-queue.ts";
import { stopGroup } from "./stop-ladder.ts";
import type { StrayHunter } from "./strays.ts";
import type { Workspaces } from "./workspace.ts";

/** A child's last words may still be in its pipes when it has ended; a grandchild may hold them open for ever. */
const LAST_WORDS_MS = 200;

/** One running process of a server, with everything that it started. */
export interface Child {
  readonly pid: number;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly write: (line: Buffer) => "ok" | "full" | "closed";
  /** Settles when the child has closed its stdin although there is something for it to read. */
  readonly inputClosed: Promise<void>;
  /** Settles with the first line on stderr. Until then, or the first byte on stdout, nobody knows whether it runs yet or is being fetched. */
  readonly spoke: Promise<void>;
  /** Settles when the process itself has ended; members of its group may still run. */
  readonly exited: Promise<ProcessExit>;
  /** The last lines of stderr, without the client's credentials, when it has ended or a moment has passed. */
  readonly lastWords: () => Promise<string>;
  /** Ends the whole tree and removes the temporary directory; a second call waits for the first one's end. */
  readonly stop: () => Promise<void>;
}

/** What all children of an instance share. */
export interface ChildHost {
  /** Name of this running proxy, for the marker. */
  readonly instance: string;
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly workspaces: Workspaces;
  readonly strays: StrayHunter;
  readonly processes: ProcessTable;
  readonly guardian: Guardian | undefined;
  readonly containment: Containment;
  /** Aborted when nobody has time for graceful ends any more. */
  readonly hurry: AbortSignal;
  readonly log: Logger;
}

export interface StartOptions {
  readonly server: Server;
  /** Names the child in its marker, its directory and the log; unique within the instance. */
  readonly name: string;
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Why a child could not be started. The reason is fit for a caller; the cause is not even fit for the log, since Bun puts
 * values of the environment into it.
 */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  /** The host has run out of something: a later try may succeed, and it is nobody's fault. */
  readonly isExhaustion: boolean;

  constructor(reason: string, code?: string) {
    super(reason);
    this.isExhaustion = code !== undefined && EXHAUSTION.has(code);
  }
}

const EXHAUSTION: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ENOSPC", "EDQUOT"]);

/** Starts a child. @throws StartFailure; nothing is left behind then. */
export async function startChild(host: ChildHost, { server, name, variables }: StartOptions): Promise<Child> {
  if (server.program === undefined) {
    throw new StartFailure("its program was not found when the configuration was read");
  }
  const workspace = server.cwd === undefined ? await createWorkspace(host.workspaces, name) : undefined;
  const marker = `${host.instance}.${name}`;
  const { promise: exited, resolve: onExit } = Promise.withResolvers<ProcessExit>();
  const { containment } = host;
  let spawned: SpawnedProcess;
  try {
    spawned = spawnProcess({
      command: containment.wrap([server.program, ...server.command.slice(1)]),
      cwd: server.cwd ?? workspace ?? "/",
      environment: childEnvironment({
        base: host.baseEnvironment,
        server: server.env,
        client: variables,
        temporary: workspace,
        marker,
      }),
      onExit: (exit) => onExit(containment.exitOf(exit)),
    });
  } catch (error) {
    if (workspace !== undefined) await host.workspaces.remove(workspace);
    const code = errorCode(error);
    throw new StartFailure(`the operating system refused to start it (${code})`, code);
  }
  const { pid, stdin, stdout, stderr } = spawned;
  host.guardian?.watch(pid);
  if (stdout === undefined || stderr === undefined) throw new StartFailure("its output could not be connected");

  const queue = createStdinQueue(stdin, server.limits.outboxBytes);
  const budget = createLineBudget();
  const { promise: spoke, resolve: onSpoke } = Promise.withResolvers<void>();
  const leftOut = () => {
    const lines = budget.takeLeftOut();
    return lines === 0 ? {} : { leftOut: lines };
  };
  const tail = followStderr({
    stream: stderr,
    // The operator's credentials must reach neither the client nor the log either, nor a proxy's password.
    redactor: createRedactor([...variables, ...Object.entries(server.env), ...passwords(host.baseEnvironment)]),
    onLine: (line) => {
      onSpoke();
      if (!budget.take()) return;
      host.log.debug({ session: name, server: server.name, pid, stderr: line, ...leftOut() }, "child stderr");
    },
  });

  const removeWorkspace = async (path: string) => {
    try {
      await host.workspaces.remove(path);
    } catch (error) {
      host.log.warn(
        { session: name, server: server.name, code: errorCode(error) },
        "the child's temporary directory was left behind",
      );
    }
  };

  const end = async () => {
    const rung = await stopGroup({
      group: processGroup(pid, containment.kind !== "none", host.processes),
      exited,
      closeStdin: queue.close,
      gracefulMs: server.timeouts.gracefulStopMs,
      hurry: host.hurry,
    });
    const strays = await host.strays.killChild(marker);
    tail.stop();
    host.guardian?.forget(pid);
    if (workspace !== undefined) await removeWorkspace(workspace);
    host.log.debug({ session: name, server: server.name, pid, rung, strays, ...leftOut() }, "child stopped");
  };
  let ending: Promise<void> | undefined;

  return {
    pid,
    stdout,
    write: queue.write,
    inputClosed: queue.broken,
    spoke,
    exited,
    lastWords: async () => {
      await Promise.race([tail.ended, Bun.sleep(LAST_WORDS_MS)]);
      return tail.text();
    },
    stop: () => {
      ending ??= end();
      return ending;
    },
  };
}

/** Variables whose value is a URL with a password in it. */
function passwords(environment: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(environment).filter(([, value]) => /^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(value));
}

async function createWorkspace(workspaces: Workspaces, name: string): Promise<string> {
  try {
    return await workspaces.create(name);
  } catch (error) {
    const code = errorCode(error);
    throw new StartFailure(`its temporary directory could not be made (${code})`, code);
  }
}

/** The system's name of an error, such as ENOENT. Its text may hold a path or, from Bun, a value of the environment. */
function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
