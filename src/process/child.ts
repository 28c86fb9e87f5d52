import type { Logger } from "../base/logger.ts";
import { type ChildStderr, createChildStderr } from "./child-stderr.ts";
import type { Containment } from "./containment.ts";
import { childEnvironment } from "./environment.ts";
import type { ProcessExit } from "./exit.ts";
import { processGroup } from "./group.ts";
import type { Guardian } from "./guardian.ts";
import type { ProcessTable } from "./process-table.ts";
import { createRedactor, type Redactor } from "./redact.ts";
import { secretsOf } from "./secrets.ts";
import type { Server } from "./server.ts";
import { type SpawnedProcess, spawnProcess } from "./spawn.ts";
import { errorCode, StartFailure } from "./start-failure.ts";
import { createStdinQueue } from "./stdin-queue.ts";
import { type StopRung, stopGroup } from "./stop-ladder.ts";
import type { StrayHunter } from "./strays.ts";
import type { Workspaces } from "./workspace.ts";

/** One running process of a server, with everything that it started. */
export interface Child {
  readonly pid: number;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ChildStderr;
  /** Takes the operator's and the client's credentials out of what it writes. */
  readonly redactor: Redactor;
  readonly write: (line: Buffer) => "ok" | "full" | "closed";
  /** Settles when the child has closed its stdin although there is something for it to read. */
  readonly inputClosed: Promise<void>;
  /** Settles with the first line on stderr. Until then, or the first byte on stdout, nobody knows whether it runs yet or is being fetched. */
  readonly spoke: Promise<void>;
  /** Settles when the process itself has ended; members of its group may still run. */
  readonly exited: Promise<ProcessExit>;
  /** Ends the whole tree and removes the temporary directory; a second call waits for the first one's end. */
  readonly stop: (how?: StopManner) => Promise<void>;
}

export interface StopManner {
  /** It has not answered anything yet: a package manager may be at work, which must not be killed halfway. Default: false. */
  readonly isStarting?: boolean;
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
  /** Names the child in its marker and the log; unique within the instance. */
  readonly name: string;
  readonly variables: ReadonlyMap<string, string>;
}

/** Starts a child. @throws StartFailure; nothing is left behind then. */
export async function startChild(host: ChildHost, options: StartOptions): Promise<Child> {
  const { server } = options;
  if (server.program === undefined) {
    throw new StartFailure("its program was not found when the configuration was read");
  }
  const workspace = server.cwd === undefined ? await createWorkspace(host.workspaces) : undefined;
  const tree = createTree(host, options, workspace);
  let spawned: SpawnedProcess;
  try {
    spawned = spawnProcess({
      command: host.containment.wrap([server.program, ...server.command.slice(1)], workspace),
      cwd: server.cwd ?? workspace ?? "/",
      environment: environmentOf(host, options, workspace, tree.marker),
      onExit: (exit) => tree.onExit(host.containment.exitOf(exit)),
    });
  } catch (error) {
    await tree.removeWorkspace();
    const code = errorCode(error);
    throw new StartFailure(`the operating system refused to start it (${code})`, code);
  }
  return connectChild(host, options, spawned, tree);
}

/** Connects the pipes of a process that runs. One that cannot be connected is of no use to anybody: it is ended. */
export async function connectChild(
  host: ChildHost,
  { server, name, variables }: StartOptions,
  { pid, stdin, stdout, stderr: errors }: SpawnedProcess,
  tree: Tree,
): Promise<Child> {
  const { exited, marker } = tree;
  host.guardian?.watch(pid);
  const context = { session: name, server: server.name, pid };
  const queue = createStdinQueue(stdin, server.limits.outboxBytes);
  const end = async (isStarting: boolean, stopReading: () => Readonly<Record<string, unknown>>) => {
    const rung = await stopTree(host, server, pid, exited, queue.close, isStarting);
    const strays = await host.strays.killChild(marker);
    const leftOut = stopReading();
    host.guardian?.forget(pid);
    await tree.removeWorkspace();
    host.log.debug({ ...context, rung, strays, ...leftOut }, "child stopped");
  };
  if (stdout === undefined || errors === undefined) {
    await end(false, () => ({}));
    throw new StartFailure("its output could not be connected");
  }
  const redactor = redactorOf(host, server, variables);
  const stderr = createChildStderr({ stream: errors, redactor, log: host.log, context });
  let ending: Promise<void> | undefined;
  return {
    pid,
    stdout,
    stderr,
    redactor,
    write: queue.write,
    inputClosed: queue.broken,
    spoke: stderr.spoke,
    exited,
    stop: ({ isStarting = false } = {}) => {
      ending ??= end(isStarting, stderr.stop);
      return ending;
    },
  };
}

/** What belongs to a child's tree of processes before and after the processes themselves. */
export interface Tree {
  /** Marks every process of it. */
  readonly marker: string;
  readonly exited: Promise<ProcessExit>;
  readonly onExit: (exit: ProcessExit) => void;
  /** Never rejects: what is left behind is told in the log. */
  readonly removeWorkspace: () => Promise<void>;
}

export function createTree(host: ChildHost, { server, name }: StartOptions, workspace: string | undefined): Tree {
  const { promise: exited, resolve: onExit } = Promise.withResolvers<ProcessExit>();
  return {
    marker: `${host.instance}.${name}`,
    exited,
    onExit,
    removeWorkspace: async () => {
      if (workspace === undefined) return;
      try {
        await host.workspaces.remove(workspace);
      } catch (error) {
        const fields = { session: name, server: server.name, code: errorCode(error) };
        host.log.warn(fields, "the child's temporary directory was left behind");
      }
    },
  };
}

function stopTree(
  host: ChildHost,
  server: Server,
  pid: number,
  exited: Promise<ProcessExit>,
  closeStdin: () => void,
  isStarting: boolean,
): Promise<StopRung> {
  return stopGroup({
    group: processGroup(pid, host.containment.kind !== "none", host.processes),
    exited,
    closeStdin,
    gracefulMs: server.timeouts.gracefulStopMs,
    isStarting,
    hurry: host.hurry,
  });
}

function environmentOf(
  host: ChildHost,
  { server, variables }: StartOptions,
  workspace: string | undefined,
  marker: string,
): Record<string, string> {
  return childEnvironment({
    base: host.baseEnvironment,
    inherited: server.inherited,
    server: server.env,
    client: variables,
    temporary: workspace,
    marker,
  });
}

/** The operator's credentials must reach neither the client nor the log either, nor a proxy's password. */
function redactorOf(host: ChildHost, server: Server, variables: ReadonlyMap<string, string>): Redactor {
  return createRedactor([
    ...variables,
    ...Object.entries(server.env),
    ...secretsOf({ ...host.baseEnvironment, ...server.inherited }),
  ]);
}

async function createWorkspace(workspaces: Workspaces): Promise<string> {
  try {
    return await workspaces.create();
  } catch (error) {
    const code = errorCode(error);
    throw new StartFailure(`its temporary directory could not be made (${code})`, code);
  }
}
