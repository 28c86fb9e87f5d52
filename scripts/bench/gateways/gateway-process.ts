import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProtocolName, Target } from "../driver/protocol.ts";
import { pidsWithEnvironment } from "../measure/process-table.ts";
import { type GatewayName, launchOf, type StdioServer } from "./gateways.ts";

/** How long a gateway may take to its first healthy answer. */
const START_LIMIT_MS = 20_000;
/** Between two questions whether it is healthy: the start time is exact to this. */
const POLL_MS = 2;
/** From SIGTERM to SIGKILL: beyond the time that our proxy gives itself to shut down (25 s). */
const STOP_LIMIT_MS = 30_000;
const MARKER = "MCP_BENCH_RUN";

/** A gateway that is up. */
export interface Running {
  readonly name: GatewayName;
  readonly target: Target;
  /** From exec to the first healthy answer. */
  readonly startMs: number;
  /** Ends it and everything below it. Returns how many processes it had left running after it ended itself. */
  stop(): Promise<number>;
}

export interface StartOptions {
  /** What it is to serve. */
  readonly protocol: ProtocolName;
  readonly server: StdioServer;
  /** Path of our executable. */
  readonly proxy: string;
}

/** Starts a gateway in a process group and directory of its own and waits until it is healthy. Throws with its output when it is not. */
export async function startGateway(name: GatewayName, options: StartOptions): Promise<Running> {
  if (name === "ours" && !existsSync(options.proxy)) throw new Error(`no ${options.proxy}: scripts/build makes it`);
  const directory = mkdtempSync(join(tmpdir(), "mcp-bench-"));
  try {
    return await startIn(directory, name, options);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(directory: string, name: GatewayName, options: StartOptions): Promise<Running> {
  const marker = [MARKER, crypto.randomUUID()] as const;
  const port = await freePort();
  const launch = launchOf(name, { ...options, port, directory, marker });
  const output = join(directory, "output.log");
  const start = performance.now();
  const child = Bun.spawn([...launch.command], {
    cwd: directory,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: directory,
      [marker[0]]: marker[1],
      // The others' children inherit what the gateway has.
      ...options.server.env?.(directory),
      ...launch.env,
    },
    // An open pipe: some gateways end when their stdin does, and so do they when the benchmark dies.
    stdin: "pipe",
    stdout: Bun.file(output),
    stderr: Bun.file(output),
    detached: true,
  });
  const stop = async (): Promise<number> => {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await child.exited;
    clearTimeout(kill);
    const left = await endMarked(marker.join("="));
    rmSync(directory, { recursive: true, force: true });
    return left;
  };
  const healthy = `http://127.0.0.1:${port}${launch.healthPath}`;
  while (!(await answers(healthy))) {
    const late = performance.now() - start > START_LIMIT_MS;
    if (late || child.exitCode !== null || child.signalCode !== null) {
      const said = readFileSync(output, "utf8").trim().slice(-500);
      await stop();
      throw new Error(`${late ? "not healthy in time" : `ended with ${child.exitCode ?? child.signalCode}`}: ${said}`);
    }
    await Bun.sleep(POLL_MS);
  }
  const startMs = performance.now() - start;
  const { headers, path } = launch;
  const { protocol } = options;
  return { name, startMs, stop, target: { protocol, host: "127.0.0.1", port, path, headers, pid: child.pid } };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { keepalive: false });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Nobody listens yet: that is what is being waited for, and the limit ends the waiting.
    return false;
  }
}

/** Kills what carries the marker until nothing does, and returns how many there were at first. */
async function endMarked(entry: string): Promise<number> {
  const grace = performance.now() + 1000;
  while (pidsWithEnvironment(entry).length > 0 && performance.now() < grace) await Bun.sleep(20);
  const left = pidsWithEnvironment(entry);
  for (let pids = left; pids.length > 0; pids = pidsWithEnvironment(entry)) {
    for (const pid of pids) killIfThere(pid);
    await Bun.sleep(20);
  }
  return left.length;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function freePort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  listener.stop(true);
  return listener.port;
}
