import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Exchange } from "../support/streamable-exchange.ts";
import { initializeBody, postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era-legacy"),
        modern: fixture("era-modern"),
        "asks legacy": fixture("era/scripted", ["legacy", '{"jsonrpc":"2.0","id":7,"method":"roots/list"}']),
        broken: { command: "/bin/sh", args: ["-c", "exit 3"] },
      },
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(() => proxy.stop());

const VERSION = { "MCP-Protocol-Version": "2025-06-18" };

const post = (
  server: string,
  members: object,
  headers: Readonly<Record<string, string>> = VERSION,
): Promise<Exchange> => postTo(proxy, server, JSON.stringify({ jsonrpc: "2.0", ...members }), headers);

const tool = (name: string, args: object, more: object = {}): object => ({
  method: "tools/call",
  params: { name, arguments: args, ...more },
});

const textOf = async (exchange: Exchange): Promise<unknown> => {
  const { result } = await exchange.answer();
  return (result?.["content"] as readonly { readonly text: string }[] | undefined)?.[0]?.text;
};

const said = (text: string): Promise<unknown> => proxy.log.until(text, (line) => line["stderr"] === text);

describe.each(["legacy", "modern"])("a client of a %s server that never sends its session id back", (server) => {
  test("is initialised, heard, and answered like any other", async () => {
    const opening = await postTo(proxy, server, initializeBody("2025-06-18"));
    expect((await opening.answer()).result).toMatchObject({ protocolVersion: expect.any(String) });
    const initialized = await post(server, { method: "notifications/initialized" });
    expect([initialized.status, initialized.messages()]).toEqual([202, []]);
    const list = await post(server, { id: 2, method: "tools/list" });
    expect(list.status).toBe(200);
    const { id, result } = await list.answer();
    expect(id).toBe(2);
    expect(result?.["tools"]).toContainEqual(expect.objectContaining({ name: "echo" }));
    // What only clients of 2026-07-28 know.
    expect(Object.keys(result ?? {})).not.toContain("resultType");
    expect(await textOf(await post(server, { id: 3, ...tool("echo", { message: "hé" }) }))).toBe("hé");
  });

  test("needs no revision in a header, which older ones do not have, and no handshake", async () => {
    expect(await textOf(await post(server, { id: "a", ...tool("echo", { message: "x" }) }, {}))).toBe("x");
  });

  test("gets its progress on the POST, under its own token", async () => {
    const call = await post(server, {
      id: 1,
      ...tool("slow", { ms: 30, steps: 3, tag: "steps" }, { _meta: { progressToken: "mine" } }),
    });
    expect(await textOf(call)).toBe("done steps");
    const reports = call.messages().filter(({ method }) => method === "notifications/progress");
    expect(reports.map(({ params }) => [params?.["progressToken"], params?.["progress"]])).toEqual([
      ["mine", 1],
      ["mine", 2],
      ["mine", 3],
    ]);
  });

  test("may have ids that others have, too", async () => {
    const calls = await Promise.all(
      ["a", "b", "c"].map((message) => post(server, { id: 1, ...tool("echo", { message }) })),
    );
    expect(await Promise.all(calls.map(textOf))).toEqual(["a", "b", "c"]);
  });

  test("is told of a server's error under its id, with 200 as before 2026-07-28", async () => {
    const call = await post(server, { id: 9, ...tool("no such tool", {}) });
    expect(call.status).toBe(200);
    expect(await call.answer()).toMatchObject({ id: 9, error: { code: -32602 } });
  });

  test("shares one process with all its requests", async () => {
    const pids = await Promise.all([1, 2, 3].map(async (id) => textOf(await post(server, { id, ...tool("pid", {}) }))));
    expect(new Set(pids).size).toBe(1);
  });

  test("cancels by the id of a request, where it is clear which one", async () => {
    const call = post(server, { id: "to cancel", ...tool("slow", { ms: 600_000, tag: `${server} slow` }) });
    await said(`started ${server} slow`);
    await post(server, { method: "notifications/cancelled", params: { requestId: { toString: 1 } } });
    await post(server, { method: "notifications/cancelled", params: { requestId: "to cancel" } });
    await said(`cancelled ${server} slow`);
    const cancelled = await call;
    expect((await cancelled.answer()).error).toBeDefined();
    await cancelled.ended;
  });

  test("cancels by leaving, since nothing could bring it the answer later", async () => {
    const call = await post(server, { id: 1, ...tool("slow", { ms: 600_000, tag: `${server} left` }) });
    await said(`started ${server} left`);
    call.cut();
    await said(`cancelled ${server} left`);
  });

  test("is answered by the proxy where a session would be needed", async () => {
    const level = await post(server, { id: 1, method: "logging/setLevel", params: { level: "info" } });
    expect(await level.answer()).toMatchObject({ result: {} });
    const odd = await post(server, { id: 2, method: "logging/setLevel", params: { level: { toString: 1 } } });
    expect(await odd.answer()).toMatchObject({ error: { code: -32602 } });
    const subscription = await post(server, { id: 3, method: "resources/subscribe", params: { uri: "a:b" } });
    expect((await subscription.answer()).error?.message).toContain("Mcp-Session-Id");
    const token = await post(server, { id: 4, method: "tools/list", params: { _meta: { progressToken: [] } } });
    expect([token.status, (await token.answer()).error?.code]).toEqual([400, -32602]);
  });
});

test("a server that asks such a client for something is told that nobody is there", async () => {
  // It asks before it answers: by the second call it has its refusal.
  await (await post("asks legacy", { id: 1, ...tool("received", {}) })).answer();
  const call = await post("asks legacy", { id: 2, ...tool("received", {}) });
  const received = (await call.answer()).result?.["received"] as readonly string[];
  expect(received.some((line) => line.includes('"id":7') && line.includes('"error"'))).toBe(true);
});

test("a server that does not start is an error under the request's id, with a status of its own", async () => {
  const call = await post("broken", { id: "mine", method: "tools/list" });
  expect(call.status).toBe(502);
  expect(await call.answer()).toMatchObject({ id: "mine", error: { data: { code: "child_exited" } } });
});
