import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually, within } from "./eventually.ts";
import { launch, makePlace, type ProxyOptions } from "./launch.ts";
import type { CollectedLog } from "./log.ts";
import { isRunning, type Process, processesWithEnvironment } from "./process-table.ts";
import { openSse, type SseSession } from "./sse-session.ts";

/** A proxy process on a free port of 127.0.0.1, with a home and a temporary directory of its own. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly secret: string;
  readonly pid: number;
  /** The proxy's TMPDIR: the children's directories appear in it. */
  readonly temporary: string;
  readonly log: CollectedLog;
  readonly exited: Promise<number>;
  /** A new secret-looking text; `stop` fails if the log ever held it. */
  readonly canary: () => string;
  /** An authorised request; a header that is given wins. */
  readonly fetch: (
    path: string,
    init?: RequestInit & { readonly headers?: Record<string, string> },
  ) => Promise<Response>;
  readonly openSse: (server: string, headers?: Readonly<Record<string, string>>) => Promise<SseSession>;
  /** What runs of the children now: the servers themselves, what they started, and what contains them. */
  readonly children: () => readonly Process[];
  readonly kill: (signal: NodeJS.Signals) => void;
  /**
   * SIGTERM, then checks the promises that hold for every test: exit code 0, no process left, no temporary directory left, no stray
   * line in the log, no secret in it. Safe to call twice.
   */
  readonly stop: () => Promise<void>;
}

/** Stands in the environment of every child of a proxy, and of what it starts in turn; not in that of the proxy's own aides. */
const CHILD_MARK = "MCP_SSE_PROXY_CHILD=";

/** Starts a proxy and waits until it listens. */
export async function startProxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const place = makePlace(options);
  const secret = place.env["MAXIM_SECRET"] ?? "";
  const canaries = [secret];
  const { subprocess, log } = launch(options, place);
  const stopWithUs = (): void => subprocess.kill("SIGTERM");
  process.once("exit", stopWithUs);

  const exited = subprocess.exited;
  const early = exited.then((code) => {
    throw new Error(`the proxy ended with ${code}:\n${log.text()}`);
  });
  early.catch(() => {});
  const listening = await Promise.race([log.until("listening", (line) => line["msg"] === "listening"), early]);
  const url = String(listening["url"]).replace(/\/$/, "");
  const authorization = { Authorization: `Bearer ${secret}` };
  // Whatever the proxy starts inherits its PATH, and this proxy's PATH alone has its own directory in it.
  const everything = (): readonly Process[] =>
    processesWithEnvironment(`${place.root}/bin`).filter(({ pid, state }) => pid !== subprocess.pid && state !== "Z");
  const children = (): readonly Process[] => {
    const marked = new Set(processesWithEnvironment(CHILD_MARK).map(({ pid }) => pid));
    return everything().filter(({ pid }) => marked.has(pid));
  };

  const stopOnce = async (): Promise<void> => {
    try {
      subprocess.kill("SIGTERM");
      const code = await within("the proxy to end", exited);
      await log.ended;
      const left = await remaining(everything);
      const temporary = readdirSync(place.temporary);
      const faults = [
        ...(code === 0 ? [] : [`exit code ${code}`]),
        ...left.map(({ pid, commandLine }) => `left running: ${pid} ${commandLine}`),
        ...temporary.map((name) => `left in TMPDIR: ${name}`),
        ...log.strays.map((line) => `not JSON in the log: ${line.slice(0, 300)}`),
        ...(canaries.some((canary) => canary !== "" && log.text().includes(canary)) ? ["a secret is in the log"] : []),
      ];
      for (const { pid } of left) killQuietly(pid);
      if (faults.length > 0) throw new Error(`the proxy did not stop cleanly:\n${faults.join("\n")}\n${tail(log)}`);
    } finally {
      process.off("exit", stopWithUs);
      if (isRunning(subprocess.pid)) subprocess.kill("SIGKILL");
      rmSync(place.root, { recursive: true, force: true });
    }
  };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= stopOnce();
    return stopping;
  };

  return {
    url,
    port: Number(new URL(url).port),
    secret,
    pid: subprocess.pid,
    temporary: place.temporary,
    log,
    exited,
    canary: () => {
      const canary = `canary${crypto.randomUUID().replaceAll("-", "")}`;
      canaries.push(canary);
      return canary;
    },
    fetch: (path, init) => fetch(`${url}${path}`, { ...init, headers: { ...authorization, ...init?.headers } }),
    openSse: (server, headers) => openSse(`${url}/${encodeURIComponent(server)}/sse`, { ...authorization, ...headers }),
    children,
    kill: (signal) => subprocess.kill(signal),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The directories of children. They stand in the instance's own one, which lives as long as the proxy. */
export function childDirectories(proxy: TestProxy): readonly string[] {
  const inside = readdirSync(proxy.temporary).flatMap((own) => readdirSync(join(proxy.temporary, own)));
  return inside.filter((name) => name !== "lock");
}

/** Waits until no child of this proxy runs, nor anything that a child started, and no child's directory is left. */
export async function quiet(proxy: TestProxy): Promise<void> {
  await eventually("no child left", () => proxy.children().length === 0);
  await eventually("no child's directory left", () => childDirectories(proxy).length === 0);
}

/** What still runs when the proxy's aides have had the time to end after it. */
async function remaining(look: () => readonly Process[]): Promise<readonly Process[]> {
  await eventually("nothing to be left", () => look().length === 0).catch(() => {});
  return look();
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended meanwhile, which is all that was wanted.
  }
}

function tail(log: CollectedLog): string {
  return `last lines of its log:\n${log.text().split("\n").slice(-25).join("\n")}`;
}
