import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { canDropPrivileges } from "../support/launch.ts";
import { TEST_MS } from "../support/limits.ts";
import { descriptorCount } from "../support/process-table.ts";
import { childDirectories, quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import type { SseSession } from "../support/sse-session.ts";
import { testWhen } from "../support/when.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

async function expectRefusal(proxy: TestProxy, server: string, status: number, code: string): Promise<void> {
  const answer = await proxy.fetch(`/${server}/sse`);
  expect(answer.status).toBe(status);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await answer.json()).toMatchObject({ error: { data: { code } } });
}

/** How many servers run that this program runs, whatever contains them. */
function serversOf(proxy: TestProxy, program: string): number {
  const isServer = (line: string): boolean =>
    line === program || line.startsWith(`${program} `) || line.endsWith(`/${program}`);
  return proxy.children().filter(({ commandLine }) => isServer(commandLine)).length;
}

/** Opens sessions until one is refused for want of something that the host has no more of. */
async function openUntilRefused(proxy: TestProxy, server: string): Promise<SseSession[]> {
  const sessions: SseSession[] = [];
  while (sessions.length < 60) {
    const opened = await proxy.openSse(server).catch(() => undefined);
    if (opened === undefined) break;
    sessions.push(opened);
    // The first message from the child frees the turn to start the next.
    await opened.post('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    await opened.message("a first message", () => true);
  }
  expect(sessions.length).toBeGreaterThan(3);
  return sessions;
}

describe("limits", () => {
  test("R1: sessions over a server's limit, and over the limit of all, get 503 with Retry-After until one leaves", async () => {
    await using proxy = await startProxy({
      config: {
        mcpServers: { narrow: fixture("echo", [], { limits: { sessionsPerServer: 2 } }), wide: fixture("echo") },
        limits: { sessions: 3 },
      },
    });
    const first = await proxy.openSse("narrow");
    await proxy.openSse("narrow");
    await expectRefusal(proxy, "narrow", 503, "server_session_limit");
    const third = await proxy.openSse("wide");
    await expectRefusal(proxy, "wide", 503, "session_limit");
    first.close();
    const next = await eventually("a place", () => proxy.openSse("narrow").catch(() => undefined));
    expect((await third.request("ping")).result).toEqual({});
    expect((await next.request("ping")).result).toEqual({});
  });

  test("R2: many opens at once start a few at a time, and all get their session", async () => {
    await using proxy = await startProxy({
      config: { mcpServers: { slow: fixture("slow-start", ["300"]) }, limits: { concurrentStarts: 2 } },
    });
    let most = 0;
    let open = true;
    const watching = (async () => {
      while (open) {
        most = Math.max(most, serversOf(proxy, process.execPath));
        await Bun.sleep(10);
      }
    })();
    const opened: SseSession[] = [];
    const answered = Array.from({ length: 8 }, async () => {
      const session = await proxy.openSse("slow");
      opened.push(session);
      await session.request("initialize");
      // While starts are bounded, no more children run than have answered or are starting.
      expect(serversOf(proxy, process.execPath)).toBeLessThanOrEqual(opened.length + 2);
    });
    await Promise.all(answered);
    open = false;
    await watching;
    expect(most).toBe(8);
  });

  test("R2: a start whose turn does not come in time gets 503, and one that is given up leaves the queue", async () => {
    await using proxy = await startProxy({
      config: {
        mcpServers: { stuck: fixture("never-answers", ["nothing"], { timeouts: { start: "600ms" } }) },
        limits: { concurrentStarts: 1 },
      },
    });
    const holder = await proxy.openSse("stuck");
    const leaving = new AbortController();
    const given = proxy.fetch("/stuck/sse", { signal: leaving.signal }).catch(() => undefined);
    leaving.abort();
    expect(await given).toBeUndefined();
    await expectRefusal(proxy, "stuck", 503, "start_queue_full");
    holder.close();
    const next = await eventually("a turn", () => proxy.openSse("stuck").catch(() => undefined));
    next.close();
    await quiet(proxy);
  });

  test("R3: when file descriptors run out, opens get 503, and work again when some are free", async () => {
    await using proxy = await startProxy({
      config: { mcpServers: { echo: fixture("echo") } },
      wrapper: ["/bin/sh", "-c", 'ulimit -n 72; exec "$@"', "sh"],
    });
    const sessions = await openUntilRefused(proxy, "echo");
    const refused = await proxy.fetch("/echo/sse");
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    for (const session of sessions.splice(0, 3)) session.close();
    const again = await eventually("a session", () => proxy.openSse("echo").catch(() => undefined));
    expect((await again.request("ping")).result).toEqual({});
  });

  test("R3: when connections have used up the file descriptors, it answers again as soon as they are gone", async () => {
    await using proxy = await startProxy({
      config: { mcpServers: { echo: fixture("echo") } },
      wrapper: ["/bin/sh", "-c", 'ulimit -n 72; exec "$@"', "sh"],
    });
    const idle = await Promise.all(Array.from({ length: 90 }, () => connectRaw(proxy.port)));
    await eventually("no descriptor to be left", () => descriptorCount(proxy.pid) >= 70);
    for (const connection of idle) connection.destroy();
    await eventually("an answer", async () => (await fetch(`${proxy.url}/health`)).status === 200);
    const session = await eventually("a session", () => proxy.openSse("echo").catch(() => undefined));
    expect((await session.request("ping")).result).toEqual({});
  });

  testWhen(canDropPrivileges(), "another user cannot run the proxy here")(
    "R4: when the system starts no more processes, opens get 503, and no half session is left",
    async () => {
      await using proxy = await startProxy({
        // With containment it is bubblewrap that cannot go on, and the session ends as that of any child that exits at once.
        config: { mcpServers: { cat: { command: "cat", args: [] } }, containment: "none" },
        unprivileged: true,
        wrapper: ["prlimit", "--nproc=50"],
      });
      const sessions = await openUntilRefused(proxy, "cat");
      const refused = await proxy.fetch("/cat/sse");
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(serversOf(proxy, "cat")).toBe(sessions.length);
      expect(childDirectories(proxy).length).toBe(sessions.length);
      for (const session of sessions.splice(0, 3)) session.close();
      await eventually("a session", () => proxy.openSse("cat").catch(() => undefined));
    },
  );

  test("C26: a server that crashes again and again is left alone for a while", async () => {
    await using proxy = await startProxy({
      config: { mcpServers: { crashing: fixture("exits-at-once"), echo: fixture("echo") } },
    });
    const seen: number[] = [];
    for (let round = 0; round < 6; round++) {
      const answer = await proxy.fetch("/crashing/sse");
      seen.push(answer.status);
      if (answer.status === 503) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      await answer.text();
    }
    expect(seen.at(-1)).toBe(503);
    const echo = await proxy.openSse("echo");
    expect((await echo.request("ping")).result).toEqual({});
  });
});
