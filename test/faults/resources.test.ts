import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { SseSession } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(30_000);

async function expectRefusal(proxy: TestProxy, server: string, status: number, code: string): Promise<void> {
  const answer = await proxy.fetch(`/${server}/sse`);
  expect(answer.status).toBe(status);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await answer.json()).toMatchObject({ error: { data: { code } } });
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
        most = Math.max(most, proxy.children().length);
        await Bun.sleep(10);
      }
    })();
    const opened: SseSession[] = [];
    const answered = Array.from({ length: 8 }, async () => {
      const session = await proxy.openSse("slow");
      opened.push(session);
      await session.request("initialize");
      // While starts are bounded, no more children run than have answered or are starting.
      expect(proxy.children().length).toBeLessThanOrEqual(opened.length + 2);
    });
    await Promise.all(answered);
    open = false;
    await watching;
    expect(most).toBe(8);
    const startTimes = proxy.log.lines
      .filter((line) => line["msg"] === "session started")
      .map((line) => Date.parse(String(line["time"])));
    // Eight starts of 300 ms, two at a time.
    expect(Math.max(...startTimes) - Math.min(...startTimes)).toBeGreaterThan(800);
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

  test("R3: when file descriptors run out, opens are refused, and work again when some are free", async () => {
    await using proxy = await startProxy({
      config: { mcpServers: { echo: fixture("echo") }, limits: { concurrentStarts: 1 } },
      wrapper: ["/bin/sh", "-c", 'ulimit -n 72; exec "$@"', "sh"],
    });
    const sessions: SseSession[] = [];
    let refused: number | undefined;
    while (refused === undefined && sessions.length < 40) {
      const opened = await proxy.openSse("echo").catch((error: unknown) => String(error));
      if (typeof opened === "string") refused = Number(/answered (\d+)/.exec(opened)?.[1] ?? 0);
      else sessions.push(opened);
    }
    expect([502, 503]).toContain(refused ?? 0);
    expect(sessions.length).toBeGreaterThan(3);
    for (const session of sessions.splice(0, 3)) session.close();
    const again = await eventually("a session", () => proxy.openSse("echo").catch(() => undefined));
    expect((await again.request("ping")).result).toEqual({});
  });

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
