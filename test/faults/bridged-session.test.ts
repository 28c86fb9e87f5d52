import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { type LegacySession, openLegacy, textOf } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Sessions in which the proxy speaks to the server in its client's place. */
const KINDS = ["modern", "shared legacy", "shared modern"] as const;
const CASES = KINDS.flatMap((kind) => TRANSPORTS.map((transport) => [kind, transport] as const));
const NOTE = "fixture:///note";

let proxy: TestProxy;
beforeAll(async () => {
  const shared = { isolation: "shared" };
  proxy = await startProxy({
    config: {
      mcpServers: {
        modern: fixture("era-modern"),
        "shared legacy": fixture("era-legacy", [], shared),
        "shared modern": fixture("era-modern", [], shared),
        "raw modern": fixture("raw-params", ["modern"]),
        "raw shared legacy": fixture("raw-params", ["legacy"], shared),
        "raw shared modern": fixture("raw-params", ["modern"], shared),
      },
      timeouts: { warm: 0 },
    },
  });
});
afterAll(() => proxy.stop());

const isNotification = (method: string) => (message: Message) => message.method === method;
const changed = isNotification("notifications/tools/list_changed");
const updated = isNotification("notifications/resources/updated");
const count = (session: LegacySession, fits: (message: Message) => boolean): number =>
  session.messages().filter(fits).length;

describe.each(CASES)("a session with a %s server over %s", (kind, transport) => {
  const open = (options = {}) => openLegacy(proxy, transport, kind, options);

  test("says who the server is in the client's revision, and what it can do", async () => {
    const session = await open({ revision: "2025-06-18" });
    const name = kind === "shared legacy" ? "legacy-fixture" : "modern-fixture";
    expect(session.hello).toMatchObject({ protocolVersion: "2025-06-18", serverInfo: { name, version: "1.0.0" } });
    expect(session.hello["capabilities"]).toEqual({
      tools: { listChanged: true },
      resources: { subscribe: true },
      logging: {},
    });
    expect(String(session.hello["instructions"])).toContain("fixture");
    expect(Object.keys(session.hello).sort()).toEqual([
      "capabilities",
      "instructions",
      "protocolVersion",
      "serverInfo",
    ]);
    await session.close();
  });

  test("lists, reads and calls, without anything of the other era in the results", async () => {
    const session = await open();
    const tools = (await session.request("tools/list")).result ?? {};
    expect(tools).toEqual({ tools: tools["tools"], ...empty({ result: tools }) });
    const called = await session.answerTo(session.beginTool("echo", { message: "hé" }));
    expect(called.result).toEqual({ content: [{ type: "text", text: "hé" }], ...empty(called) });
    expect((await session.request("resources/list")).result).toHaveProperty("resources");
    const read = await session.request("resources/read", { uri: NOTE });
    expect(read.result).toMatchObject({ contents: [{ uri: NOTE, text: NOTE }] });
    expect(await session.tool("era")).toBe(kind === "shared legacy" ? "legacy" : "modern");
    await session.close();
  });

  test("answers what is wrong as a legacy server does", async () => {
    const session = await open();
    expect((await session.request("no/such")).error?.code).toBe(-32601);
    expect((await session.request("tools/call", { name: "none", arguments: {} })).error?.code).toBe(-32602);
    expect((await session.request("resources/read", { uri: "fixture:///none" })).error?.code).toBe(-32002);
    expect((await session.request("logging/setLevel", { level: "loud" })).error?.code).toBe(-32602);
    expect((await session.request("resources/subscribe", {})).error?.code).toBe(-32602);
    expect((await session.request("ping")).result).toEqual({});
    await session.close();
  });

  test("reports progress in order and before the result, under the client's own token", async () => {
    const session = await open();
    for (const progressToken of [7, "mcp-sse-proxy-1", ""]) {
      const id = session.beginTool("slow", { ms: 20, steps: 5, tag: "progress" }, { progressToken });
      await session.answerTo(id);
      const ofThis = session
        .messages()
        .filter(({ params, id: answered }) => params?.["progressToken"] === progressToken || answered === id)
        .map(({ params }) => params?.["progress"] ?? "answer");
      expect(ofThis).toEqual([1, 2, 3, 4, 5, "answer"]);
    }
    await session.close();
  });

  test("sends log messages of the level that the client has set, before the answer", async () => {
    const session = await open();
    expect((await session.request("logging/setLevel", { level: "debug" })).result).toEqual({});
    expect(await session.tool("log", { text: "one" })).toBe("logged");
    const logged = (text: string) => (message: Message) => message.params?.["data"] === text;
    const places = [session.messages().findIndex(logged("one")), session.messages().findIndex((m) => m.id === 2)];
    expect(places[0]).toBeGreaterThanOrEqual(0);
    if (transport === "HTTP+SSE") expect(places[0]).toBeLessThan(places[1] ?? -1);
    await session.request("logging/setLevel", { level: "error" });
    await session.tool("log", { text: "two" });
    expect(count(session, logged("two"))).toBe(0);
    await session.close();
  });

  test("tells the server of a cancelled call, which is not answered, and goes on", async () => {
    const session = await open();
    const tag = `cancel ${kind} ${transport}`;
    const id = session.beginTool("slow", { ms: 20_000, tag });
    await proxy.log.until("the call to run", ({ stderr }) => stderr === `started ${tag}`);
    await session.send({ method: "notifications/cancelled", params: { requestId: id, reason: "enough" } });
    await proxy.log.until("the call to be cancelled", ({ stderr }) => stderr === `cancelled ${tag}`);
    expect(await session.tool("echo", { message: "on" })).toBe("on");
    expect(count(session, (message) => message.id === id)).toBe(0);
    // Its id is free again.
    session.begin("tools/call", { name: "echo", arguments: { message: "again" } }, id);
    expect(textOf(await session.answerTo(id))).toBe("again");
    await session.close();
  });

  test("cancels a call in the same breath as it is made", async () => {
    const session = await open({ revision: "2025-03-26" });
    const request = {
      jsonrpc: "2.0",
      id: "slow",
      method: "tools/call",
      params: { name: "slow", arguments: { ms: 20_000 } },
    };
    const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "slow" } };
    if (transport === "HTTP+SSE") for (const each of [request, cancelled]) await session.post(JSON.stringify(each));
    else await session.post(JSON.stringify([request, cancelled]));
    expect(await session.tool("echo", { message: "on" })).toBe("on");
    expect(count(session, ({ id }) => id === "slow")).toBe(0);
    await session.close();
    await quiet(proxy);
  });

  test("is opened once, however often the client says that it is ready", async () => {
    const session = await open();
    await session.send({ method: "notifications/initialized" });
    await session.send({ method: "notifications/initialized" });
    await session.tool("change");
    await session.message("the change", changed);
    await session.tool("echo");
    expect(count(session, changed)).toBe(1);
    await session.close();
    await quiet(proxy);
  });

  test("tells of changed lists, and of resources as long as they are subscribed to, each once", async () => {
    const session = await open();
    await session.tool("change");
    await session.message("the change", changed);
    await session.tool("touch", { uri: NOTE });
    const other = "fixture:///nóte 2";
    const subscribed = [NOTE, other].map((uri) => session.begin("resources/subscribe", { uri }));
    for (const id of subscribed) expect((await session.answerTo(id)).result).toEqual({});
    expect(count(session, updated)).toBe(0);
    for (const uri of [NOTE, other]) {
      await session.tool("touch", { uri });
      const told = await session.message(
        "the update",
        (message) => updated(message) && message.params?.["uri"] === uri,
      );
      expect(told.params).toEqual({ uri, ...(told.params?.["_meta"] === undefined ? {} : { _meta: {} }) });
    }
    await session.tool("change");
    await session.message("another change", () => count(session, changed) > 1);
    expect((await session.request("resources/unsubscribe", { uri: NOTE })).result).toEqual({});
    await session.tool("touch", { uri: NOTE });
    await session.tool("touch", { uri: other });
    await session.message("another update", () => count(session, updated) > 2);
    expect(count(session, changed)).toBe(2);
    expect(
      session
        .messages()
        .filter(updated)
        .map(({ params }) => params?.["uri"]),
    ).toEqual([NOTE, other, other]);
    await session.close();
  });
});

describe.each(CASES)("the bytes of a session with a %s server over %s", (kind, transport) => {
  const open = (options = {}) => openLegacy(proxy, transport, `raw ${kind}`, options);

  test("numbers of any length, spacing and duplicate keys pass unchanged", async () => {
    const session = await open();
    const args = '{ "n" : 12345678901234567890.10 ,"e":1e400, "n":-0,"\\u0061": "\\u00e9\\ud83d\\ude00" }';
    void session.post(`{"jsonrpc" : "2.0","id": 9007199254740993 , "method":"x/y", "params":{"a":${args}}}`);
    await session.message("the answer", ({ result }) => result?.["seen"] !== undefined);
    const text =
      session
        .payloads()
        .find((payload) => payload.includes('"seen"'))
        ?.toString() ?? "";
    expect(text).toContain(args);
    expect(text).toMatch(/"id": ?9007199254740993\b/);
    await session.close();
  });

  test("ids of every form come back as they were", async () => {
    const session = await open();
    const ids = ["1", '"1"', '"mcp-sse-proxy-1"', "-5", "9007199254740995", '"\\u0031\\"x"', '""', "0"];
    for (const id of ids) void session.post(`{"jsonrpc":"2.0","id":${id},"method":"x/y","params":{}}`);
    await session.message("all answers", () => session.messages().length === ids.length);
    const answered = session.payloads().map((payload) => /"id":(.*?),"result"/.exec(payload.toString())?.[1] ?? "");
    expect(answered.sort()).toEqual(ids.sort());
    await session.close();
  });

  test("requests in a burst reach the server in their order", async () => {
    const session = await open({ revision: "2025-03-26" });
    const batch = Array.from({ length: 100 }, (_, n) => ({ jsonrpc: "2.0", id: n, method: "x/y", params: { n } }));
    if (transport === "HTTP+SSE") for (const each of batch) await session.post(JSON.stringify(each));
    else void session.post(JSON.stringify(batch));
    await session.message("all answers", () => session.messages().length === batch.length);
    const places = session.messages().map(({ id, result }) => Number(result?.["place"]) - Number(id));
    expect(new Set(places).size).toBe(1);
    await session.close();
  });
});

/** What a result may be left with when everything of the other era is off it. */
function empty({ result }: Message): object {
  return result?.["_meta"] === undefined ? {} : { _meta: {} };
}
