import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText, statuses } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import { ACCEPT_BOTH, openStreamable } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(60_000);

const config = { mcpServers: { echo: fixture("echo"), two: fixture("echo") } };
const JSON_TYPE = { "Content-Type": "application/json" };

test("a trusted hop's X-Forwarded-Prefix stands before the URL for messages, and nobody else's does", async () => {
  const endpointFor = async (env: Record<string, string>) => {
    await using proxy = await startProxy({ config, env });
    const hop = { Authorization: `Bearer ${proxy.secret}`, "X-Forwarded-Prefix": "/tools" };
    // Without the base path, which the hop took off: it is there without it too.
    const origin = new URL(proxy.url).origin;
    const stream = await fetch(`${origin}/echo/sse`, { headers: hop });
    const reader = stream.body?.getReader();
    const first = await reader?.read();
    await reader?.cancel();
    const listed = await (await fetch(`${origin}/servers`, { headers: hop })).text();
    const endpoint = /data: ([^?]+)/.exec(Buffer.from(first?.value ?? []).toString())?.[1];
    return [endpoint, listed.includes('"/tools/echo/mcp"')];
  };
  expect(await endpointFor({ TRUSTED_PROXIES: "loopback" })).toEqual(["/tools/echo/message", true]);
  expect(await endpointFor({})).toEqual(["/echo/message", false]);
  expect(await endpointFor({ TRUSTED_PROXIES: "loopback", BASE_PATH: "/base" })).toEqual(["/tools/echo/message", true]);
});

describe("a refusal", () => {
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startProxy({ config });
  });
  afterAll(() => proxy.stop());

  test.each([
    ["413 on Streamable HTTP", "POST", "/echo/mcp", {}, 413],
    ["401 on Streamable HTTP", "POST", "/echo/mcp", { Authorization: "" }, 401],
    ["403", "POST", "/nobody/mcp", {}, 403],
    ["404 of a session", "POST", "/echo/message?sessionId=x", {}, 404],
    ["404 of a URL", "POST", "/nothing/is/here", {}, 404],
    ["405", "PUT", "/echo/sse", {}, 405],
    ["415", "POST", "/echo/mcp", { "Content-Type": "text/plain" }, 415],
  ] as const)(
    "reaches a client that is still sending a large body, and not a broken pipe: %s",
    async (_, method, path, headers, status) => {
      const body = Buffer.alloc(8 * 1024 * 1024, " ");
      for (const sent of [body, new Blob([body]).stream()]) {
        const answer = await proxy.fetch(path, {
          method,
          body: sent,
          headers: { ...JSON_TYPE, Accept: ACCEPT_BOTH, ...headers },
        });
        expect(answer.status).toBe(status);
        await answer.arrayBuffer();
      }
    },
  );

  test("leaves the connection usable, and takes nothing of the body for a request", async () => {
    const connection = await connectRaw(proxy.port);
    const host = `Host: 127.0.0.1:${proxy.port}`;
    const smuggled = requestText("GET /servers HTTP/1.1", [host, `Authorization: Bearer ${proxy.secret}`]);
    const body = `${" ".repeat(200_000)}${smuggled}`;
    connection.send(requestText("POST /echo/mcp HTTP/1.1", [host, `Content-Length: ${body.length}`], body));
    connection.send(requestText("GET /health HTTP/1.1", [host, "Connection: close"]));
    await connection.closed;
    expect(statuses(connection.received())).toEqual([401, 200]);
  });

  test("is not held back by a client that announces more than it sends", async () => {
    const connection = await connectRaw(proxy.port);
    connection.send(
      requestText("POST /echo/mcp HTTP/1.1", [`Host: 127.0.0.1:${proxy.port}`, "Content-Length: 1000000"], "{"),
    );
    await connection.closed;
    expect(statuses(connection.received())).toEqual([401]);
    expect(connection.received().toLowerCase()).toContain("connection: close");
  });

  test("tells one without a token where it is from and how to send it", async () => {
    for (const path of ["/servers", "/echo/sse"]) {
      const text = await (await fetch(`${proxy.url}${path}`)).text();
      expect(text).toContain("Authorization: Bearer <token>");
      expect(text).toContain("MAXIM_SECRET");
    }
  });

  test("outside of MCP has the shape that OAuth clients read on any URL, under /.well-known/ too", async () => {
    for (const [method, path, status] of [
      ["POST", "/register", 404],
      ["POST", "/echo/token", 404],
      ["GET", "/.well-known/oauth-protected-resource", 404],
      ["GET", "/.well-known/oauth-authorization-server/echo/mcp", 404],
      ["GET", "/echo/.well-known/openid-configuration", 404],
      ["GET", "/.well-known/mcp", 404],
      ["GET", "/.well-known/sse", 404],
      ["POST", "/.well-known/mcp/", 404],
      ["GET", "/servers", 401],
    ] as const) {
      const answer = await fetch(`${proxy.url}${path}`, { method });
      expect([path, answer.status]).toEqual([path, status]);
      const { error, error_description: description } = (await answer.json()) as Record<string, unknown>;
      expect([typeof error, String(description)]).toEqual(["string", expect.stringContaining("token")]);
    }
  });

  test("says for how long an idle connection is kept, longer than hops in front keep theirs", async () => {
    for (const answer of [await proxy.fetch("/health"), await proxy.fetch("/servers"), await proxy.fetch("/nothing")]) {
      expect(answer.headers.get("keep-alive")).toBe("timeout=75");
    }
  });

  test("for a rate is told under the id of the request, with the seconds", async () => {
    const env = { RATE_LIMIT_MESSAGES_PER_MINUTE: "1", RATE_LIMIT_MESSAGES_BURST: "1" };
    await using slow = await startProxy({ config, env });
    const session = await openStreamable(slow, "echo");
    const refused = await session.post('{"jsonrpc":"2.0","id":"seven","method":"ping"}');
    expect(refused.status).toBe(429);
    expect(await refused.answer()).toMatchObject({
      id: "seven",
      error: { message: expect.stringMatching(/Retry after \d+ s\./), data: { code: "rate_limited" } },
    });
    expect(Number(refused.response.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});
