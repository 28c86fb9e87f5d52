import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { rawHttp, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        careless: fixture("stderr-secret", [], { clientEnv: "*" }),
        echo: fixture("echo", [], { clientEnv: ["TOKEN"] }),
      },
    },
  });
});
// What the canaries are about is checked here: `stop` reads the whole log for them.
afterAll(() => proxy.stop());

describe("the log", () => {
  test("L1: holds no credential, by whatever route it came, nor from a child's stderr", async () => {
    const session = await proxy.openSse("careless", { ENV_API_TOKEN: proxy.canary(), "Env-Other-Key": proxy.canary() });
    await session.request("initialize");
    await proxy.log.until("the child's stderr", (line) => JSON.stringify(line).includes("API_TOKEN"));
    session.close();
    const attempts: readonly (readonly [string, RequestInit & { headers: Record<string, string> }])[] = [
      ["/careless/sse", { headers: { ENV_NODE_OPTIONS: proxy.canary() } }],
      ["/careless/sse", { headers: { "ENV_A%%": proxy.canary() } }],
      ["/echo/sse", { headers: { ENV_UNDECLARED: proxy.canary() } }],
      ["/echo/sse", { headers: { Authorization: `Bearer ${proxy.canary()}` } }],
      ["/echo/sse", { headers: { Authorization: proxy.canary() } }],
      ["/echo/sse", { headers: { Cookie: `session=${proxy.canary()}`, "X-Api-Key": proxy.canary() } }],
      [`/servers?token=${proxy.canary()}`, { headers: {} }],
      ["/nobody/sse", { headers: { ENV_TOKEN: proxy.canary() } }],
    ];
    for (const [path, init] of attempts) {
      const abort = new AbortController();
      const answer = await proxy.fetch(path, { ...init, signal: abort.signal });
      if (answer.status !== 200 || !answer.headers.get("content-type")?.startsWith("text/event-stream"))
        await answer.text();
      abort.abort();
    }
    const other = await proxy.openSse("echo", { ENV_TOKEN: proxy.canary() });
    for (const body of [
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { arguments: { message: proxy.canary() } },
      }),
      `{"jsonrpc":"2.0","id":"${proxy.canary()}","method":"${proxy.canary()}"`,
      `[${JSON.stringify(proxy.canary())}]`,
    ]) {
      await (await other.post(body)).text();
    }
    other.close();
  });

  test("L2: what callers and children write stays within one line each, and cannot pass for an entry", async () => {
    await rawHttp(
      proxy.port,
      requestText('GET /x%0d%0a{"msg":"forged"}/sse HTTP/1.1', [
        `Host: 127.0.0.1:${proxy.port}`,
        'User-Agent: \u001b[31m{"msg":"forged"}',
        "Connection: close",
      ]),
    );
    const session = await proxy.openSse("careless");
    await session.request("initialize");
    await proxy.log.until("the end of the child's stderr", (line) => JSON.stringify(line).includes("tail"));
    session.close();
    expect(proxy.log.strays).toEqual([]);
    expect(proxy.log.lines.filter((line) => line["msg"] === "forged")).toEqual([]);
    for (const line of proxy.log.lines)
      expect(line).toMatchObject({ level: expect.any(String), time: expect.any(String), msg: expect.any(String) });
  });

  test("L3: tells of a session's start and end: server, pid, reason, and the names of its client's variables", async () => {
    const before = proxy.log.lines.length;
    const session = await proxy.openSse("echo", { ENV_TOKEN: proxy.canary() });
    await session.look("pid");
    const children = proxy.children().map(({ pid }) => pid);
    session.close();
    const isOurs = (line: Readonly<Record<string, unknown>>): boolean =>
      proxy.log.lines.indexOf(line) >= before && line["server"] === "echo";
    const started = await proxy.log.until(
      "session started",
      (line) => isOurs(line) && line["msg"] === "session started",
    );
    const ended = await proxy.log.until("session ended", (line) => isOurs(line) && line["msg"] === "session ended");
    expect(children).toContain(Number(started["pid"]));
    expect(JSON.stringify(started)).toContain("TOKEN");
    expect(ended).toMatchObject({
      pid: started["pid"],
      reason: "client-closed",
      transport: "sse",
      messagesIn: 1,
      messagesOut: 1,
    });
    expect(ended["principal"]).toBeDefined();
  });

  test("L3: tells of each request: method, route, status, duration", async () => {
    await proxy.fetch("/nobody/sse");
    const line = await proxy.log.until("the request", (entry) => entry["status"] === 403);
    expect(line).toMatchObject({ method: "GET" });
  });

  test("L4: never holds a session id with which a session could be taken over", async () => {
    const session = await proxy.openSse("echo");
    await session.request("ping");
    session.close();
    await proxy.log.until(
      "session ended",
      (line) => line["msg"] === "session ended" && line["reason"] === "client-closed",
    );
    await (await session.post('{"jsonrpc":"2.0","id":9,"method":"ping"}')).text();
    expect(proxy.log.text()).not.toContain(session.sessionId);
  });
});
