import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EraChild, startEra } from "./era-child.ts";
import { TEST_MS } from "./limits.ts";
import type { Message } from "./sse-session.ts";

setDefaultTimeout(TEST_MS);

const META = "io.modelcontextprotocol/";
const ENVELOPE = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
const ALL_CAPABILITIES = { elicitation: {}, sampling: {}, roots: {} };
const LEGACY = [
  "era-legacy",
  "era-legacy-exits",
  "era-legacy-silent",
  "era-legacy-stuck",
  "era-legacy-eager",
  "era-dual",
];
const KINDS = [
  ["elicitation", "elicitation/create"],
  ["sampling", "sampling/createMessage"],
  ["roots", "roots/list"],
] as const;

async function shakeHands(child: EraChild, capabilities: object = {}): Promise<Message> {
  const clientInfo = { name: "test", version: "1.0.0" };
  const answer = await child.request("initialize", { protocolVersion: "2025-06-18", capabilities, clientInfo });
  child.send({ method: "notifications/initialized" });
  return answer;
}

/** Params of a modern request. */
function modern(params: object = {}, meta: object = {}): object {
  return { ...params, _meta: { ...ENVELOPE, ...meta } };
}

function call(name: string, args: object = {}): { readonly name: string; readonly arguments: object } {
  return { name, arguments: args };
}

function textOf({ result }: Message): string {
  const content = (result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? "";
}

describe("every legacy fixture", () => {
  test.concurrent.each(LEGACY)("%s serves a client that begins with initialize", async (name) => {
    await using child = startEra(name, { SHAPE: "round" });
    const { result } = await shakeHands(child);
    expect(result).toMatchObject({ protocolVersion: "2025-06-18", serverInfo: { name: "legacy-fixture" } });
    expect((await child.request("tools/list")).result?.["tools"]).toContainEqual(
      expect.objectContaining({ name: "echo" }),
    );
    expect(textOf(await child.request("tools/call", call("echo", { message: "hé" })))).toBe("hé");
    expect(textOf(await child.request("tools/call", call("pid")))).toBe(String(child.pid));
    expect(textOf(await child.request("tools/call", call("env", { name: "SHAPE" })))).toBe("round");
    expect(textOf(await child.request("tools/call", call("era")))).toBe("legacy");
    expect(await child.finish()).toEqual([]);
  });
});

describe("the legacy server", () => {
  test.concurrent.each(KINDS)("asks for %s, and answers with what the client said", async (kind, method) => {
    await using child = startEra("era-legacy");
    await shakeHands(child, ALL_CAPABILITIES);
    child.send({ id: "a", method: "tools/call", params: call("ask", { kind, message: "?", times: 2 }) });
    expect(await child.next()).toMatchObject({ id: 1, method });
    child.send({ id: 1, result: { said: 1 } });
    expect(await child.next()).toMatchObject({ id: 2, method });
    child.send({ id: 2, result: { said: 2 } });
    expect(textOf(await child.next())).toBe('[{"said":1},{"said":2}]');
  });

  test.concurrent("asks nothing of a client that cannot be asked", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child, { roots: {} });
    const { result } = await child.request("tools/call", call("ask", { kind: "sampling", message: "?" }));
    expect(result).toMatchObject({ isError: true });
  });

  test.concurrent("takes its question back, and says so, when the call is cancelled", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child, ALL_CAPABILITIES);
    child.send({ id: "a", method: "tools/call", params: call("ask", { kind: "roots" }) });
    expect(await child.next()).toMatchObject({ id: 1, method: "roots/list" });
    child.send({ method: "notifications/cancelled", params: { requestId: "a" } });
    expect(await child.next()).toMatchObject({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect(await child.complaint()).toBe("cancelled ask");
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("reports progress and logs each step, unless the level is set above info", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child);
    const slow = { ...call("slow", { ms: 2, steps: 2, tag: "a" }), _meta: { progressToken: "t" } };
    child.send({ id: "a", method: "tools/call", params: slow });
    const progress = (done: number) => ({ params: { progressToken: "t", progress: done, total: 2 } });
    expect(await child.next()).toMatchObject(progress(1));
    expect(await child.next()).toMatchObject({ method: "notifications/message", params: { data: "a 1/2" } });
    expect(await child.next()).toMatchObject(progress(2));
    expect(await child.next()).toMatchObject({ params: { level: "info", data: "a 2/2" } });
    expect(textOf(await child.next())).toBe("done a");
    expect(await child.request("logging/setLevel", { level: "warning" })).toMatchObject({ result: {} });
    expect(textOf(await child.request("tools/call", call("log", { text: "x" })))).toBe("logged");
    expect(await child.request("logging/setLevel", { level: "loud" })).toMatchObject({ error: { code: -32602 } });
  });

  test.concurrent("stops a call that is cancelled, and never answers it", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child);
    child.send({ id: "a", method: "tools/call", params: call("slow", { ms: 60_000, tag: "nap" }) });
    expect(await child.complaint()).toBe("started nap");
    child.send({ method: "notifications/cancelled", params: { requestId: "a" } });
    expect(await child.complaint()).toBe("cancelled nap");
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("tells of changes: to all of the tools, to subscribers of a resource", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child);
    const touch = call("touch", { uri: "fixture:///note" });
    expect(textOf(await child.request("tools/call", touch))).toBe("touched");
    await child.request("resources/subscribe", { uri: "fixture:///note" });
    child.send({ id: "a", method: "tools/call", params: touch });
    expect(await child.next()).toMatchObject({
      method: "notifications/resources/updated",
      params: { uri: "fixture:///note" },
    });
    await child.next();
    await child.request("resources/unsubscribe", { uri: "fixture:///note" });
    expect(textOf(await child.request("tools/call", touch))).toBe("touched");
    child.send({ id: "b", method: "tools/call", params: call("change") });
    expect(await child.next()).toMatchObject({ method: "notifications/tools/list_changed" });
  });

  test.concurrent("reads its resources, and has its era's own code for one that it lacks", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child);
    const { result } = await child.request("resources/list");
    const resources = (result?.["resources"] ?? []) as readonly { readonly uri: string }[];
    expect(resources).toHaveLength(2);
    for (const { uri } of resources) {
      expect(await child.request("resources/read", { uri })).toMatchObject({
        result: { contents: [{ uri, text: uri }] },
      });
    }
    expect(await child.request("resources/read", { uri: "x:y" })).toMatchObject({ error: { code: -32002 } });
  });

  test.concurrent("ends with code 3 and without an answer when it crashes", async () => {
    await using child = startEra("era-legacy");
    await shakeHands(child);
    child.send({ id: "a", method: "tools/call", params: call("crash") });
    expect(await child.exited).toBe(3);
    await expect(child.next()).rejects.toThrow("ended before");
  });
});

describe("before initialize,", () => {
  test.concurrent("era-legacy has no server/discover and no tools", async () => {
    await using child = startEra("era-legacy");
    expect(await child.request("server/discover", modern())).toMatchObject({ error: { code: -32601 } });
    expect(await child.request("tools/list")).toMatchObject({ error: { code: -32600 } });
    expect(await shakeHands(child)).toMatchObject({ result: { protocolVersion: "2025-06-18" } });
  });

  test.concurrent("era-legacy-exits ends with code 1", async () => {
    await using child = startEra("era-legacy-exits");
    child.send({ id: 1, method: "server/discover", params: modern() });
    expect(await child.exited).toBe(1);
  });

  test.concurrent("era-legacy-silent ignores everything, and takes initialize then", async () => {
    await using child = startEra("era-legacy-silent");
    child.send({ id: "a", method: "server/discover", params: modern() });
    child.send({ id: "b", method: "ping" });
    expect(await shakeHands(child)).toMatchObject({ result: { protocolVersion: "2025-06-18" } });
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("era-legacy-stuck ignores everything, and initialize then", async () => {
    await using child = startEra("era-legacy-stuck");
    child.send({ id: "a", method: "server/discover", params: modern() });
    child.send({ id: "b", method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {} } });
    child.send({ id: "c", method: "ping" });
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("era-legacy-eager answers everything, server/discover with nothing, and takes initialize then", async () => {
    await using child = startEra("era-legacy-eager");
    expect((await child.request("server/discover", modern())).result).toEqual({});
    expect(textOf(await child.request("tools/call", modern(call("echo", { message: "m" }))))).toBe("m");
    expect(await shakeHands(child)).toMatchObject({ result: { protocolVersion: "2025-06-18" } });
  });
});

describe("era-dual", () => {
  test.concurrent("is modern for a client that begins otherwise", async () => {
    await using child = startEra("era-dual");
    expect(await child.request("server/discover", modern())).toMatchObject({
      result: { supportedVersions: ["2026-07-28"] },
    });
    expect(textOf(await child.request("tools/call", modern(call("era"))))).toBe("modern");
  });

  test.concurrent("stays legacy after initialize", async () => {
    await using child = startEra("era-dual");
    await shakeHands(child);
    expect(await child.request("server/discover", modern())).toMatchObject({ error: { code: -32601 } });
    expect(textOf(await child.request("tools/call", modern(call("era"))))).toBe("legacy");
  });
});

test.concurrent("era-modern-silent answers in its first process alone", async () => {
  const directory = mkdtempSync(join(tmpdir(), "era-fixtures-"));
  const env = { DISCOVER_ONCE: join(directory, "answered") };
  try {
    await using first = startEra("era-modern-silent", env);
    expect(existsSync(env.DISCOVER_ONCE)).toBe(false);
    expect(await first.request("server/discover", modern())).toMatchObject({ result: { resultType: "complete" } });
    await using second = startEra("era-modern-silent", env);
    second.send({ id: "a", method: "server/discover", params: modern() });
    second.send({ id: "b", method: "tools/list", params: modern() });
    expect(await second.finish()).toEqual([]);
    expect(textOf(await first.request("tools/call", modern(call("era"))))).toBe("modern");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
