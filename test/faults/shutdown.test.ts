import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { processesWithCommand } from "../support/process-table.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const seconds = (kind: number): string => String(3_000_000 + kind * 100_000 + (process.pid % 100_000));

describe("the end of the proxy", () => {
  test("D1: SIGTERM answers what is owed, ends every session and child in parallel, and exits with 0", async () => {
    const proxy = await startProxy({
      config: {
        mcpServers: {
          echo: fixture("echo"),
          stubborn: fixture("ignores-sigterm"),
          deaf: fixture("never-answers"),
          setsid: fixture("grandchild", [seconds(1), "setsid"]),
        },
        timeouts: { gracefulStop: "1s", shutdown: "2s" },
      },
    });
    const names = ["echo", "stubborn", "setsid"];
    const sessions = await Promise.all(
      Array.from({ length: 12 }, (_, index) => proxy.openSse(names[index % 3] ?? "echo")),
    );
    await Promise.all(sessions.map((session) => session.request("initialize")));
    const deaf = await proxy.openSse("deaf");
    const owed = await deaf.begin("tools/call");
    proxy.kill("SIGTERM");
    await Promise.all([...sessions, deaf].map((session) => session.ended));
    expect(deaf.messages().find(({ id }) => id === owed)?.error?.data).toMatchObject({ code: "draining" });
    expect(await within("the exit", proxy.exited)).toBe(0);
    await proxy.stop();
    expect(processesWithCommand(`sleep ${seconds(1)}`)).toEqual([]);
  });

  test("D1, D6: while requests in flight are finished, /health and new sessions get 503", async () => {
    const proxy = await startProxy({
      config: { mcpServers: { progress: fixture("progress", ["100", "12"]) }, timeouts: { shutdown: "10s" } },
    });
    const session = await proxy.openSse("progress");
    await session.request("initialize");
    const id = await session.begin("tools/call", { _meta: { progressToken: 1 } });
    await session.message("progress", ({ method }) => method === "notifications/progress");
    proxy.kill("SIGTERM");
    await eventually("draining", async () => (await fetch(`${proxy.url}/health`)).status === 503);
    expect(await (await fetch(`${proxy.url}/health`)).json()).toMatchObject({ status: "draining" });
    const refused = await proxy.fetch("/progress/sse");
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ error: { data: { code: "draining" } } });
    const connection = await connectRaw(proxy.port);
    connection.send(
      requestText("GET /progress/sse HTTP/1.1", [
        `Host: 127.0.0.1:${proxy.port}`,
        `Authorization: Bearer ${proxy.secret}`,
      ]),
    );
    expect(await connection.until("the refusal", (received) => received.includes("draining"))).toMatch(
      /^connection: close/im,
    );
    connection.destroy();
    const answer = await session.message("the answer", (message) => message.id === id);
    expect(answer.result).toBeDefined();
    await session.ended;
    await proxy.stop();
  });

  test("D1: requests that outlast the shutdown time are not waited for", async () => {
    const proxy = await startProxy({
      config: {
        mcpServers: { deaf: fixture("never-answers") },
        timeouts: { shutdown: "400ms", gracefulStop: "200ms" },
      },
    });
    const session = await proxy.openSse("deaf");
    await session.begin("tools/call");
    await proxy.stop();
  });

  test("D2: a second signal hurries", async () => {
    const proxy = await startProxy({
      config: {
        mcpServers: { stubborn: fixture("ignores-sigterm") },
        timeouts: { gracefulStop: "10m", shutdown: "11m" },
      },
    });
    const session = await proxy.openSse("stubborn");
    await session.request("initialize");
    proxy.kill("SIGTERM");
    await session.ended;
    proxy.kill("SIGTERM");
    expect(await within("the exit", proxy.exited)).toBe(0);
    await proxy.stop();
  });

  test("SIGINT ends it just so", async () => {
    const proxy = await startProxy({ config: { mcpServers: { echo: fixture("echo") } } });
    await proxy.openSse("echo");
    proxy.kill("SIGINT");
    expect(await within("the exit", proxy.exited)).toBe(0);
    await proxy.stop();
  });

  test("D3: a proxy that is killed leaves no child and nothing that a child started", async () => {
    const proxy = await startProxy({
      config: {
        mcpServers: {
          echo: fixture("echo"),
          stubborn: fixture("ignores-sigterm"),
          group: fixture("grandchild", [seconds(2), "ignores"]),
          setsid: fixture("grandchild", [seconds(3), "setsid"]),
        },
      },
    });
    for (const name of ["echo", "stubborn", "group", "setsid"]) {
      const session = await proxy.openSse(name);
      await session.request("initialize");
    }
    for (const kind of [2, 3]) {
      await eventually("the grandchild", () => processesWithCommand(`sleep ${seconds(kind)}`).length > 0);
    }
    proxy.kill("SIGKILL");
    await eventually("no child left", () => proxy.children().length === 0);
    for (const kind of [2, 3]) expect(processesWithCommand(`sleep ${seconds(kind)}`)).toEqual([]);
    await expect(proxy.stop()).rejects.toThrow("exit code");
  });

  test("D5: a closed log pipe does not end the service", async () => {
    const proxy: TestProxy = await startProxy({ config: { mcpServers: { echo: fixture("echo") } } });
    await proxy.log.closePipes();
    for (let round = 0; round < 5; round++) {
      const session = await proxy.openSse("echo");
      expect((await session.request("ping")).result).toEqual({});
      session.close();
    }
    await eventually("no child left", () => proxy.children().length === 0);
    expect((await fetch(`${proxy.url}/health`)).status).toBe(200);
    expect(readdirSync(proxy.temporary).length).toBeLessThanOrEqual(1);
    await proxy.stop();
  });
});
