import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { canDropPrivileges } from "../support/launch.ts";
import { TEST_MS } from "../support/limits.ts";
import { processesWithCommand } from "../support/process-table.ts";
import { quiet, startProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";
import { testWhen } from "../support/when.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Who an unprivileged proxy runs as. */
const NOBODY = 65_534;
const IS_ROOT = process.getuid?.() === 0;
const NAMESPACE = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
/** Nothing can end it but SIGKILL, and the end of its stdin is nothing to it. */
const STUBBORN = (seconds: string) => `trap '' TERM INT HUP; while :; do sleep ${seconds}; done`;
const seconds = (kind: number): string => String(6_000_000 + kind * 100_000 + (process.pid % 100_000));

const roots: string[] = [];
/** A temporary directory of its own for more than one proxy. */
function makeTemporary(owner = 0): string {
  const root = mkdtempSync(join(tmpdir(), "leftovers-test-"));
  if (IS_ROOT) chownSync(root, owner, owner);
  roots.push(root);
  return root;
}
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** The guardians of one proxy: their command line ends with the name of its instance, which holds its PID. */
const guardians = (pid: number) =>
  processesWithCommand("mcp-sse-proxy-guardian").filter(({ commandLine }) => commandLine.includes(`-${pid}-`));

describe("what a dead proxy has left", () => {
  test("is ended and removed by the next one, when the guardian died with it", async () => {
    const TMPDIR = makeTemporary();
    const config = { mcpServers: { stubborn: shell(STUBBORN(seconds(1))) }, containment: "none" };
    const first = await startProxy({ config, env: { TMPDIR } });
    await first.openSse("stubborn");
    await eventually("the child", () => processesWithCommand(`sleep ${seconds(1)}`).length > 0);
    for (const { pid } of guardians(first.pid)) process.kill(pid, "SIGKILL");
    first.kill("SIGKILL");
    await first.exited;
    expect(first.children().length).toBeGreaterThan(0);
    expect(readdirSync(TMPDIR).length).toBe(1);
    const second = await startProxy({ config, env: { TMPDIR } });
    await eventually("the child's end", () => first.children().length === 0);
    expect(await second.log.until("the clean-up", ({ msg }) => String(msg).startsWith("removed what"))).toMatchObject({
      level: "WARN",
      directories: 1,
    });
    expect(readdirSync(TMPDIR).length).toBe(1);
    await second.stop();
    expect(readdirSync(TMPDIR)).toEqual([]);
    await expect(first.stop()).rejects.toThrow("exit code");
  });

  testWhen(IS_ROOT && canDropPrivileges(), "another user cannot run the proxy here")(
    "does not stop the next one when it is another user's",
    async () => {
      const TMPDIR = makeTemporary(NOBODY);
      const foreign = join(TMPDIR, `mcp-sse-proxy-${NAMESPACE}-999999999-1`);
      mkdirSync(join(foreign, "inner"), { recursive: true, mode: 0o755 });
      await using proxy = await startProxy({
        config: { mcpServers: { echo: fixture("echo") } },
        env: { TMPDIR },
        unprivileged: true,
      });
      const session = await proxy.openSse("echo");
      expect((await session.request("ping")).result).toEqual({});
      session.close();
      await quiet(proxy);
      expect(existsSync(join(foreign, "inner"))).toBe(true);
    },
  );
});

testWhen(!IS_ROOT || canDropPrivileges(), "another user cannot run the proxy here")(
  "a child's directories that nobody may write to are removed with it",
  async () => {
    const script = `mkdir -p cache/package && echo x >cache/package/file && chmod 500 cache/package cache . && ${STUBBORN(seconds(2))}`;
    await using proxy = await startProxy({
      config: {
        mcpServers: { caches: shell(script) }, // It answers nothing: its start goes on without its client until then.
        timeouts: { start: "2s", gracefulStop: "200ms" },
      },
      unprivileged: true,
    });
    const sessions = [await proxy.openSse("caches"), await proxy.openSse("caches")];
    await eventually("the children", () => processesWithCommand(`sleep ${seconds(2)}`).length >= 2);
    sessions[0]?.close();
    await eventually("the first one's end", () => proxy.log.lines.some(({ msg }) => msg === "child stopped"));
    expect(proxy.log.lines.filter(({ level }) => level === "ERROR" || level === "WARN")).toEqual([]);
    // The second one is ended by the shutdown, after which `stop` looks into the temporary directory.
  },
);

test("a hundred children that heed nothing end together, and others are served meanwhile", async () => {
  const proxy = await startProxy({
    config: {
      mcpServers: { stubborn: shell(STUBBORN(seconds(3))), echo: fixture("echo") },
      containment: "none",
      limits: { concurrentStarts: 0 },
      // Those that are still starting when their clients leave are given up then.
      timeouts: { start: "20s", gracefulStop: "1s" },
    },
  });
  const sessions = await Promise.all(Array.from({ length: 100 }, () => proxy.openSse("stubborn")));
  const other = await proxy.openSse("echo");
  await eventually("the children", () => processesWithCommand(`sleep ${seconds(3)}`).length >= 100);
  for (const session of sessions) session.close();
  // Each has its time to unwind: one after the other they would take longer than any test may.
  while (processesWithCommand(`sleep ${seconds(3)}`).length > 0) {
    expect((await other.request("ping")).result).toEqual({});
  }
  other.close();
  await quiet(proxy);
  await proxy.stop();
});
