import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText, statuses } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const ORIGIN = "https://app.example";
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: { echo: fixture("echo", [], { clientEnv: "*" }), mirror: fixture("mirror") },
      limits: { requestBytes: "64KB" },
      cors: { origins: [ORIGIN] },
    },
  });
});
afterAll(() => proxy.stop());
// A child that an earlier test left is still being stopped: a test that says "nothing starts" must not see it.
beforeEach(() => quiet(proxy));

describe("headers and bodies", () => {
  test("H2: a client variable of 10 KiB gets 400 or 431, and nothing starts", async () => {
    const answer = await proxy.fetch("/echo/sse", { headers: { ENV_TOKEN: "x".repeat(10_240) } });
    expect([400, 431]).toContain(answer.status);
    expect(proxy.children()).toEqual([]);
  });

  test("H12: a body over the limit gets 413 before it has arrived, however its length is told", async () => {
    const session = await proxy.openSse("echo");
    const start = `POST ${session.reference} HTTP/1.1`;
    const common = [
      `Host: 127.0.0.1:${proxy.port}`,
      `Authorization: Bearer ${proxy.secret}`,
      "Content-Type: application/json",
    ];
    const announced = requestText(start, [...common, "Content-Length: 200000000"], "{");
    const chunk = `${(16_384).toString(16)}\r\n${" ".repeat(16_384)}\r\n`;
    const chunked = requestText(start, [...common, "Transfer-Encoding: chunked"], chunk.repeat(6));
    for (const request of [announced, chunked]) {
      const connection = await connectRaw(proxy.port);
      connection.send(request);
      const answer = await connection.until("413", (received) => received.includes("body_too_large"));
      expect(statuses(answer)).toEqual([413]);
      connection.destroy();
    }
    expect((await session.request("ping")).result).toEqual({});
    session.close();
  });

  test("H13: of a body that breaks off nothing reaches the child", async () => {
    const session = await proxy.openSse("mirror");
    const connection = await connectRaw(proxy.port);
    connection.send(
      requestText(
        `POST ${session.reference} HTTP/1.1`,
        [
          `Host: 127.0.0.1:${proxy.port}`,
          `Authorization: Bearer ${proxy.secret}`,
          "Content-Type: application/json",
          "Content-Length: 1000",
        ],
        '{"jsonrpc":"2.0","id":77,"method":"broken-off"',
      ),
    );
    // The proxy has seen the first half when it answers what came later on another connection.
    await session.request("ping");
    connection.destroy();
    await session.request("ping");
    expect(JSON.stringify(session.messages())).not.toContain("broken-off");
    session.close();
  });

  const contentTypes: readonly (readonly [string, number])[] = [
    ["application/json", 202],
    ["APPLICATION/JSON", 202],
    ["application/json; charset=utf-8", 202],
    ['application/json;charset="UTF-8"', 202],
    ["application/json; charset=latin1", 415],
    ["application/jsonx", 415],
    ["text/plain", 415],
    ["text/plain; application/json", 415],
    ["application/x-www-form-urlencoded", 415],
    ["", 415],
  ];
  test("H15: the content type must be JSON in UTF-8, in whatever case", async () => {
    const session = await proxy.openSse("echo");
    const notification = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
    for (const [type, status] of contentTypes) {
      const answer = await session.post(notification, { "Content-Type": type });
      expect([type, answer.status]).toEqual([type, status]);
    }
    session.close();
  });

  test("H16: a compressed body gets 415", async () => {
    const session = await proxy.openSse("echo");
    const answer = await session.post(Bun.gzipSync(Buffer.from(PING)), { "Content-Encoding": "gzip" });
    expect(answer.status).toBe(415);
    session.close();
  });

  test("H18: an Origin that is not listed gets 403 on every route that acts; a listed one does not", async () => {
    const session = await proxy.openSse("echo", { Origin: ORIGIN });
    for (const origin of ["https://evil.example", "null", "https://app.example.evil", "http://app.example"]) {
      const headers = { Origin: origin };
      expect((await proxy.fetch("/echo/sse", { headers })).status).toBe(403);
      expect((await proxy.fetch("/servers", { headers })).status).toBe(403);
      expect((await session.post(PING, headers)).status).toBe(403);
    }
    expect(session.response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect((await session.request("ping")).result).toEqual({});
    session.close();
    await quiet(proxy);
  });

  test("H19: a preflight gets 204 with a fixed list, the ENV_ names asked for, and Vary", async () => {
    const answer = await fetch(`${proxy.url}/echo/sse`, {
      method: "OPTIONS",
      headers: {
        Origin: ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, env_github_token, x-evil",
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(answer.headers.get("vary")).toMatch(/origin/i);
    const allowed = answer.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
    expect(allowed).toContain("authorization");
    expect(allowed).toContain("env_github_token");
    expect(allowed).not.toContain("x-evil");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("H19: a preflight of an origin that is not listed allows nothing", async () => {
    const answer = await fetch(`${proxy.url}/echo/sse`, {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "GET" },
    });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("H20: a client that does not take an event stream gets 406, and nothing starts", async () => {
    for (const accept of ["application/json", "text/html, image/*", "text/event-stream;q=0"]) {
      expect((await proxy.fetch("/echo/sse", { headers: { Accept: accept } })).status).toBe(406);
    }
    expect(proxy.children()).toEqual([]);
  });
});
