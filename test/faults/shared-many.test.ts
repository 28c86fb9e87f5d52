import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { type LegacySession, openLegacy, textOf } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { residentBytes } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, type RawConnection, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import { initializeBody } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const MIB = 1_048_576;
const ERAS = ["legacy", "modern"] as const;
const CASES = ERAS.flatMap((era) => TRANSPORTS.map((transport) => [era, transport] as const));

let proxy: TestProxy;
beforeAll(async () => {
  const shared = { isolation: "shared", clientEnv: ["TENANT"] };
  // For these servers alone: the system, which knows one limit for all of them, must not be quicker to drop the connection.
  const stalling = { stalledWrite: "1s" };
  proxy = await startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era-legacy", [], { ...shared, timeouts: stalling }),
        modern: fixture("era-modern", [], { ...shared, timeouts: stalling }),
        "bounded legacy": fixture("era-legacy", [], { ...shared, limits: { outboxBytes: "2MB" } }),
        "bounded modern": fixture("era-modern", [], { ...shared, limits: { outboxBytes: "2MB" } }),
      },
      // Nothing but stalledWrite ends a client that is slow.
      limits: { outboxBytes: "64MB" },
      timeouts: { warm: 0, heartbeat: "200ms" },
    },
  });
});
afterAll(() => proxy.stop());

const servers = () => proxy.children().filter(({ commandLine }) => commandLine.startsWith(process.execPath));

describe.each(CASES)("many sessions with a shared %s server over %s", (era, transport) => {
  const open = (headers = {}): Promise<LegacySession> => openLegacy(proxy, transport, era, { headers });

  test("have one child, and each its own answers, though all have the same ids and tokens", async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => open()));
    const calls = sessions.map((session, n) =>
      session.beginTool("slow", { ms: 60, steps: 3, tag: `${n}` }, { progressToken: "same" }),
    );
    expect(new Set(calls)).toEqual(new Set([1]));
    for (const [n, session] of sessions.entries()) {
      expect(textOf(await session.answerTo(1))).toBe(`done ${n}`);
      const heard = session.messages().map(({ id, params }) => params?.["progress"] ?? id);
      expect(heard).toEqual([1, 2, 3, 1]);
    }
    expect(servers().length).toBe(1);
    await Promise.all(sessions.map((session) => session.close()));
    await quiet(proxy);
  });

  test("have a child for each set of client variables, and see no other's", async () => {
    const tenants = ["one", "two", "three", "one", "two", ""];
    const sessions = await Promise.all(tenants.map((tenant) => open(tenant === "" ? {} : { ENV_TENANT: tenant })));
    const seen = await Promise.all(sessions.map((session) => session.tool("env", { name: "TENANT" })));
    expect(seen).toEqual(tenants);
    expect(servers().length).toBe(4);
    await Promise.all(sessions.map((session) => session.close()));
    await quiet(proxy);
  });

  test("come and go without leaving a trace", async () => {
    for (let round = 0; round < 5; round++) {
      const sessions = await Promise.all(Array.from({ length: 10 }, () => open()));
      await Promise.all(
        sessions.map(async (session, n) => {
          session.begin("tools/list");
          void session.request("resources/subscribe", { uri: `fixture:///${n}` }).catch(() => undefined);
          if (n % 2 === 0) await session.request("ping");
          await session.close();
        }),
      );
    }
    await quiet(proxy);
  });
});

describe.each(ERAS)("a client of a shared %s server that takes nothing", (era) => {
  /** Opens a session on a bare connection, asks for so many echoes of a quarter of a MiB, and reads none of them. */
  async function openAndPause(server: string, echoes: number): Promise<RawConnection> {
    const common = [`Host: 127.0.0.1:${proxy.port}`, `Authorization: Bearer ${proxy.secret}`];
    const connection = await connectRaw(proxy.port);
    connection.send(
      requestText(`GET /${encodeURIComponent(server)}/sse HTTP/1.1`, [...common, "Accept: text/event-stream"]),
    );
    const head = await connection.until("the endpoint", (received) => /data: \S+\n\n/.test(received));
    const reference = /data: (\S+)\n\n/.exec(head)?.[1] ?? "";
    const post = async (body: string): Promise<number> => {
      const headers = { "Content-Type": "application/json" };
      return (await proxy.fetch(reference, { method: "POST", headers, body })).status;
    };
    await post(initializeBody("2025-11-25"));
    await connection.until("the answer to initialize", (received) => received.includes("serverInfo"));
    await post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    connection.pause();
    const message = "x".repeat(MIB / 4);
    for (let id = 1; id <= echoes; id++) {
      const params = { name: "echo", arguments: { message } };
      const status = await post(JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params }));
      if (status === 404) return connection;
      expect(status).toBe(202);
    }
    return connection;
  }

  test("keeps nobody waiting, and is ended beyond limits.outboxBytes, without its child", async () => {
    const server = `bounded ${era}`;
    const other = await openLegacy(proxy, "HTTP+SSE", server);
    const before = residentBytes(proxy.pid);
    const connection = await openAndPause(server, 160);
    for (let n = 0; n < 20; n++) expect(await other.tool("echo", { message: "quick" })).toBe("quick");
    await proxy.log.until(
      "the end of the slow one",
      (line) => line["msg"] === "session ended" && line["server"] === server && line["reason"] !== "client-closed",
    );
    expect(residentBytes(proxy.pid) - before).toBeLessThan(96 * MIB);
    expect(await other.tool("echo", { message: "still" })).toBe("still");
    connection.destroy();
    await other.close();
    await quiet(proxy);
  });

  test("is ended when it takes nothing for timeouts.stalledWrite, though little waits for it", async () => {
    const other = await openLegacy(proxy, "HTTP+SSE", era);
    const connection = await openAndPause(era, 40);
    const isEnd = (line: Readonly<Record<string, unknown>>): boolean =>
      line["msg"] === "session ended" && line["server"] === era && line["reason"] === "stalled";
    await proxy.log.until("the end of the slow one", isEnd);
    expect(await other.tool("echo", { message: "still" })).toBe("still");
    expect(servers().length).toBe(1);
    connection.destroy();
    await other.close();
    await quiet(proxy);
  });
});
