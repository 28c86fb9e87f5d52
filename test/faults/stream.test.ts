import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, rawHttp, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        echo: fixture("echo"),
        mirror: fixture("mirror"),
        "bare cr": fixture("bare-cr"),
        injection: fixture("injection"),
        // Its start goes on without its client, up to the limit of a start.
        slow: fixture("slow-start", ["60000"], { limits: { sessionsPerServer: 1 }, timeouts: { start: "2s" } }),
      },
      timeouts: { heartbeat: "50ms", gracefulStop: "500ms" },
    },
  });
});
afterAll(() => proxy.stop());
// A child that an earlier test left is still being stopped: a test that says "nothing starts" must not see it.
beforeEach(() => quiet(proxy));

const opening = (server: string, ...more: string[]): string =>
  requestText(`GET /${server}/sse HTTP/1.1`, [
    `Authorization: Bearer ${proxy.secret}`,
    "Accept: text/event-stream",
    ...more,
  ]);

describe("the event stream", () => {
  test("S1: begins with a relative endpoint that no header of the caller has shaped", async () => {
    const connection = await connectRaw(proxy.port);
    connection.send(
      opening("echo", `Host: localhost:${proxy.port}`, "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https"),
    );
    const text = await connection.until("the first event", (received) => /data: .*\r?\n\r?\n/.test(received));
    expect(text).toMatch(
      /\r\n\r\n(?:[0-9a-f]+\r\n)?(?::[^\n]*\n\n)*event: endpoint\ndata: \/echo\/message\?sessionId=[\w-]+\n\n/,
    );
    expect(text).not.toContain("evil.example");
    connection.destroy();
  });

  test("S1: the endpoint takes messages from the moment it is told, also of a server that is slow to start", async () => {
    const session = await proxy.openSse("slow");
    expect((await session.post('{"jsonrpc":"2.0","id":1,"method":"initialize"}')).status).toBe(202);
    session.close();
    await quiet(proxy);
  });

  test("S1: the key in the endpoint is encoded as one segment", async () => {
    const session = await proxy.openSse("bare cr");
    expect(session.reference).toStartWith("/bare%20cr/message?sessionId=");
    session.close();
  });

  test("S2: a quiet stream carries comments, and stays", async () => {
    const session = await proxy.openSse("echo");
    await eventually("five heartbeats", () => session.comments() >= 5);
    expect((await session.request("ping")).result).toEqual({});
    session.close();
  });

  test("S3: a client that leaves before the first event leaves nothing behind", async () => {
    for (let round = 0; round < 5; round++) {
      const connection = await connectRaw(proxy.port);
      connection.send(opening("slow", `Host: 127.0.0.1:${proxy.port}`));
      if (round % 2 === 1) await eventually("the child", () => proxy.children().length > 0);
      connection.destroy();
      // The server takes one session at a time: the slot must be free again, or this stays 503.
      await eventually("a free slot", async () => {
        const session = await proxy.openSse("slow").catch(() => undefined);
        session?.close();
        return session !== undefined;
      });
      await quiet(proxy);
    }
  });

  test("S4: HEAD gets 405 and starts nothing", async () => {
    const answer = await rawHttp(
      proxy.port,
      requestText("HEAD /echo/sse HTTP/1.1", [
        `Host: 127.0.0.1:${proxy.port}`,
        `Authorization: Bearer ${proxy.secret}`,
        "Connection: close",
      ]),
    );
    expect(answer).toStartWith("HTTP/1.1 405 ");
    expect(answer).toMatch(/^allow: .*GET/im);
    expect(proxy.children()).toEqual([]);
  });

  test("S7: a bare CR between the tokens of a message does not cut it", async () => {
    const session = await proxy.openSse("bare cr");
    const answer = await session.request("ping");
    expect(answer).toEqual({ extra: "a\rb", jsonrpc: "2.0", id: 1, result: {} } as object);
    const types = session.events.map(({ type }) => type);
    // The message that one of the lines begins with is one; the rest of the line is none.
    expect([types[0], new Set(types.slice(1))]).toEqual(["endpoint", new Set(["message"])]);
    session.close();
  });

  test("S8: a child cannot write events of its own", async () => {
    const session = await proxy.openSse("injection");
    await session.request("ping");
    const types = session.events.map(({ type }) => type);
    // The message that one of the lines begins with is one; the rest of the line is none.
    expect([types[0], new Set(types.slice(1))]).toEqual(["endpoint", new Set(["message"])]);
    expect(Buffer.concat(session.events.map(({ data }) => data)).includes("evil")).toBe(false);
    session.close();
  });

  test("S9: line separators, a BOM and an escaped NUL inside strings arrive byte for byte", async () => {
    const session = await proxy.openSse("mirror");
    const line =
      '{"jsonrpc":"2.0","method":"x","params":{"a":"\u2028\u2029\u0085\ufeff\\u0000\\r\\n\u00e9🎉","b" :  1.0}}';
    expect((await session.post(line)).status).toBe(202);
    await session.message("the mirrored line", ({ method }) => method === "mirror");
    expect(session.events[1]?.data).toEqual(Buffer.from(`{"jsonrpc":"2.0","method":"mirror","params":${line}}`));
    session.close();
  });

  test("S10: says that no hop may buffer, change or keep it, and is not compressed", async () => {
    const session = await proxy.openSse("echo", { "Accept-Encoding": "gzip, br, zstd" });
    const { headers } = session.response;
    expect(headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(headers.get("x-accel-buffering")).toBe("no");
    expect(headers.get("cache-control")).toContain("no-cache");
    expect(headers.get("cache-control")).toContain("no-transform");
    expect(headers.get("content-encoding")).toBeNull();
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    session.close();
  });
});

describe("under a public base path", () => {
  test("S1: the endpoint stands under it", async () => {
    await using behind = await startProxy({
      config: { mcpServers: { echo: fixture("echo") } },
      env: { BASE_PATH: "/tools/mcp" },
    });
    // The hop in front takes the base path off again, or leaves it on: the session opens either way that the proxy documents.
    const opened = await behind.fetch("/echo/sse", { headers: { Accept: "text/event-stream" } });
    const reader = opened.body?.getReader();
    const first = Buffer.from((await reader?.read())?.value ?? []).toString();
    await reader?.cancel();
    expect(first).toStartWith("event: endpoint\ndata: /tools/mcp/echo/message?sessionId=");
  });
});
