import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "../../src/base/logger.ts";
import type { ChildHost } from "../../src/process/child.ts";
import { UNCONTAINED } from "../../src/process/containment.ts";
import { instanceName } from "../../src/process/instance.ts";
import { createProcessTable } from "../../src/process/process-table.ts";
import type { Server } from "../../src/process/server.ts";
import { createStrayHunter } from "../../src/process/strays.ts";
import { createWorkspaces } from "../../src/process/workspace.ts";

/** A host of children as `serve` makes it, without guardian and containment, and with all that it logs. */
export interface TestHost {
  readonly host: ChildHost;
  /** The host's temporary directory. */
  readonly root: string;
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  readonly hurry: AbortController;
  readonly close: () => void;
}

export function createTestHost(baseEnvironment: Readonly<Record<string, string>> = {}): TestHost {
  const root = mkdtempSync(join(tmpdir(), "child-host-test-"));
  // A name of its own for each host of this process: their children have the same numbers.
  const instance = `${instanceName(process.pid)}-${crypto.randomUUID().slice(0, 8)}`;
  const logged: Record<string, unknown>[] = [];
  const hurry = new AbortController();
  return {
    host: {
      instance,
      baseEnvironment: { PATH: process.env["PATH"] ?? "", ...baseEnvironment },
      workspaces: createWorkspaces(root, instance),
      strays: createStrayHunter(),
      processes: createProcessTable(),
      guardian: undefined,
      containment: UNCONTAINED,
      hurry: hurry.signal,
      log: createLogger({ level: "DEBUG", destination: { write: (line) => logged.push(JSON.parse(line)) } }),
    },
    root,
    logged,
    hurry,
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** What of a server a test sets otherwise. */
export interface ServerChanges extends Partial<Omit<Server, "limits" | "timeouts">> {
  readonly limits?: Partial<Server["limits"]>;
  readonly timeouts?: Partial<Server["timeouts"]>;
}

/** A server that runs a shell script, without any limit but a second for its end. */
export function scriptServer(script: string, { limits, timeouts, ...changes }: ServerChanges = {}): Server {
  return {
    name: "script",
    command: ["sh", "-c", script],
    program: "/bin/sh",
    env: {},
    inherited: {},
    cwd: undefined,
    clientEnv: "*",
    isolation: "exclusive",
    ...changes,
    limits: { sessionsPerServer: 0, lineBytes: 0, outboxBytes: 0, ...limits },
    timeouts: {
      startMs: 0,
      requestMs: 0,
      idleMs: 0,
      silentMs: 0,
      reconnectMs: 0,
      lifetimeMs: 0,
      warmMs: 0,
      parkedMs: 0,
      probeMs: 0,
      heartbeatMs: 0,
      stalledWriteMs: 0,
      gracefulStopMs: 1_000,
      ...timeouts,
    },
  };
}
