import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proxyBinary, sourceCommand } from "./binary.ts";
import { within } from "./eventually.ts";
import { type CollectedLog, collectLog } from "./log.ts";

export interface ProxyOptions {
  /** The configuration file. Its `timeouts.gracefulStop` is 1 s, its `timeouts.shutdown` 5 s, and its `timeouts.reconnect` 0 unless it says otherwise: a client that leaves is gone. Left out: no file, the built-in allowlist. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Environment of the proxy, over the harness's own; undefined takes a variable away. The rate limit is off unless it is set here. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Arguments after `serve`. */
  readonly args?: readonly string[];
  /** Run dist/mcp-sse-proxy and not the source. PROXY_BINARY in the tests' own environment does so for all. */
  readonly binary?: boolean;
  /** Words before the proxy's own command, for instance a shell that lowers a limit first. */
  readonly wrapper?: readonly string[];
  /** Run without root's rights, as another user if need be: root may read every process and is above some limits. */
  readonly unprivileged?: boolean;
}

/** A run of the proxy that is expected to end by itself. */
export interface ProxyRun {
  readonly exitCode: number;
  readonly output: string;
}

/** The user "nobody", by number: its name differs from system to system. */
const NOBODY = 65_534;
const DROP_PRIVILEGES = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"];

/** Whether `unprivileged` can be had here: the source may lie where only root can read it. */
export function canDropPrivileges(): boolean {
  if (!isRoot()) return true;
  if (Bun.which("setpriv") === null) return false;
  // A program in between: setpriv itself has root's way with directories until it has started what it is told to.
  return Bun.spawnSync([...DROP_PRIVILEGES, "env", ...sourceCommand(), "version"], { cwd: "/" }).success;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function giveAway(place: Place): void {
  chownSync(place.root, NOBODY, NOBODY);
  for (const name of readdirSync(place.root)) chownSync(join(place.root, name), NOBODY, NOBODY);
}

/** A directory of its own for one run, and the environment that goes with it. */
export interface Place {
  readonly root: string;
  readonly temporary: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What the names of this test process's places begin with: they find what a test leaves behind. */
export const PLACES = `mcp-sse-proxy-test-${process.pid}-`;

/** Makes the directory, with the configuration file in it. Whoever calls removes it. */
export function makePlace(options: ProxyOptions): Place {
  const root = mkdtempSync(join(tmpdir(), PLACES));
  for (const name of ["bin", "home", "tmp"]) mkdirSync(join(root, name));
  const config = options.config === undefined ? undefined : join(root, "config.json");
  if (config !== undefined) {
    const timeouts = {
      gracefulStop: "1s",
      shutdown: "5s",
      reconnect: 0,
      ...(options.config?.["timeouts"] as object | undefined),
    };
    writeFileSync(config, JSON.stringify({ ...options.config, timeouts }));
  }
  const wanted: Readonly<Record<string, string | undefined>> = {
    PATH: `${process.env["PATH"] ?? ""}:${root}/bin`,
    HOME: `${root}/home`,
    TMPDIR: `${root}/tmp`,
    MAXIM_SECRET: crypto.randomUUID().replaceAll("-", "") + crypto.randomUUID().replaceAll("-", ""),
    PORT: "0",
    LOG_FORMAT: "json",
    LOG_LEVEL: "DEBUG",
    RATE_LIMIT_PER_MINUTE: "0",
    MCP_PROXY_CONFIG: config,
    ...(config === undefined ? { TIMEOUTS_RECONNECT: "0" } : {}),
    ...options.env,
  };
  const set = Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { root, temporary: `${root}/tmp`, env: Object.fromEntries(set) };
}

/** The proxy's process, with its output being read. */
export interface Launched {
  readonly subprocess: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly log: CollectedLog;
}

export function launch(options: ProxyOptions, place: Place, command = "serve"): Launched {
  const binary = options.binary === true || (process.env["PROXY_BINARY"] ?? "") !== "";
  const words = binary ? [proxyBinary()] : sourceCommand();
  const drop = options.unprivileged === true && isRoot() ? DROP_PRIVILEGES : [];
  if (drop.length > 0) giveAway(place);
  const subprocess = Bun.spawn([...drop, ...(options.wrapper ?? []), ...words, command, ...(options.args ?? [])], {
    cwd: place.root,
    env: { ...place.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { subprocess, log: collectLog([subprocess.stdout, subprocess.stderr]) };
}

/** Runs the proxy until it ends, as for a configuration that it must refuse. Rejects if it still runs after `WAIT_MS`. */
export async function runProxy(options: ProxyOptions & { readonly command?: string }): Promise<ProxyRun> {
  const place = makePlace(options);
  const { subprocess, log } = launch(options, place, options.command);
  try {
    const exitCode = await within("the proxy to end", subprocess.exited);
    await log.ended;
    return { exitCode, output: log.text() };
  } finally {
    subprocess.kill("SIGKILL");
    rmSync(place.root, { recursive: true, force: true });
  }
}
