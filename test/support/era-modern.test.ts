import { describe, expect, test } from "bun:test";
import { startEra } from "./era-child.ts";

const META = "io.modelcontextprotocol/";
const ALL_CAPABILITIES = { elicitation: {}, sampling: {}, roots: {} };

/** Params of a modern request. */
function modern(params: object = {}, meta: object = {}): object {
  const envelope = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
  return { ...params, _meta: { ...envelope, ...meta } };
}

function call(name: string, args: object = {}): object {
  return { name, arguments: args };
}

const text = (value: string) => ({ result: { resultType: "complete", content: [{ type: "text", text: value }] } });

describe("era-modern", () => {
  test.concurrent("says what it is, and serves its tools without a handshake", async () => {
    await using child = startEra("era-modern", { SHAPE: "round" });
    const discovered = (await child.request("server/discover", modern())).result;
    expect(discovered).toMatchObject({ resultType: "complete", supportedVersions: ["2026-07-28"], ttlMs: 60_000 });
    expect(discovered?.["_meta"]).toEqual({ [`${META}serverInfo`]: { name: "modern-fixture", version: "1.0.0" } });
    expect((await child.request("tools/list", modern())).result).toMatchObject({ cacheScope: "public" });
    expect(await child.request("tools/call", modern(call("echo", { message: "hé" })))).toMatchObject(text("hé"));
    expect(await child.request("tools/call", modern(call("pid")))).toMatchObject(text(String(child.pid)));
    expect(await child.request("tools/call", modern(call("env", { name: "SHAPE" })))).toMatchObject(text("round"));
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("refuses initialize, other versions, and requests without an envelope", async () => {
    await using child = startEra("era-modern");
    const unsupported = (requested: string) => ({
      error: { code: -32022, data: { supported: ["2026-07-28"], requested } },
    });
    const hello = { protocolVersion: "2025-11-25", capabilities: {} };
    expect(await child.request("initialize", hello)).toMatchObject(unsupported("2025-11-25"));
    const other = modern({}, { [`${META}protocolVersion`]: "1900-01-01" });
    expect(await child.request("tools/list", other)).toMatchObject(unsupported("1900-01-01"));
    expect(await child.request("tools/list")).toMatchObject({ error: { code: -32602 } });
    const bare = modern({}, { [`${META}clientCapabilities`]: undefined });
    expect(await child.request("server/discover", bare)).toMatchObject({ error: { code: -32602 } });
    expect(await child.request("ping", modern())).toMatchObject({ error: { code: -32601 } });
    expect(await child.request("resources/read", modern({ uri: "x:y" }))).toMatchObject({ error: { code: -32602 } });
  });

  test.concurrent("asks by input_required, round after round, and remembers by requestState alone", async () => {
    await using child = startEra("era-modern");
    const can = { [`${META}clientCapabilities`]: ALL_CAPABILITIES };
    const ask = call("ask", { kind: "elicitation", message: "Who?", times: 2 });
    const first = (await child.request("tools/call", modern(ask, can))).result;
    expect(first).toMatchObject({
      resultType: "input_required",
      inputRequests: { answer: { method: "elicitation/create", params: { message: "Who?" } } },
    });
    const retry = (requestState: unknown, said: number) =>
      modern({ ...ask, requestState, inputResponses: { answer: { said } } }, can);
    await using other = startEra("era-modern");
    const second = (await other.request("tools/call", retry(first?.["requestState"], 1))).result;
    expect(second).toMatchObject({ resultType: "input_required" });
    const done = await child.request("tools/call", retry(second?.["requestState"], 2));
    expect(done).toMatchObject(text('[{"said":1},{"said":2}]'));
  });

  test.concurrent("asks again without an answer, and refuses a state made for something else", async () => {
    await using child = startEra("era-modern");
    const can = { [`${META}clientCapabilities`]: ALL_CAPABILITIES };
    const ask = call("ask", { kind: "roots" });
    const { result } = await child.request("tools/call", modern(ask, can));
    const requestState = result?.["requestState"];
    const again = await child.request("tools/call", modern({ ...ask, requestState }, can));
    expect(again).toMatchObject({ result: { resultType: "input_required", requestState } });
    for (const [params, state] of [
      [call("ask", { kind: "sampling" }), requestState],
      [ask, "forged"],
    ]) {
      const inputResponses = { answer: {} };
      const answer = await child.request(
        "tools/call",
        modern({ ...Object(params), requestState: state, inputResponses }, can),
      );
      expect(answer).toMatchObject({ error: { code: -32602 } });
    }
  });

  test.concurrent("refuses to ask a client that cannot be asked", async () => {
    await using child = startEra("era-modern");
    const answer = await child.request("tools/call", modern(call("ask", { kind: "sampling" })));
    expect(answer).toMatchObject({ error: { code: -32021, data: { requiredCapabilities: { sampling: {} } } } });
  });

  test.concurrent("reports progress under the token, and logs as the request wants", async () => {
    await using child = startEra("era-modern");
    const slow = call("slow", { ms: 2, steps: 2, tag: "a" });
    child.send({
      id: "a",
      method: "tools/call",
      params: modern(slow, { progressToken: 7, [`${META}logLevel`]: "debug" }),
    });
    expect(await child.next()).toMatchObject({ params: { progressToken: 7, progress: 1, total: 2 } });
    expect(await child.next()).toMatchObject({ method: "notifications/message", params: { data: "a 1/2" } });
    expect(await child.next()).toMatchObject({ params: { progressToken: 7, progress: 2, total: 2 } });
    expect(await child.next()).toMatchObject({ params: { level: "info", data: "a 2/2" } });
    expect(await child.next()).toMatchObject(text("done a"));
    const log = call("log", { text: "x" });
    expect(await child.request("tools/call", modern(log))).toMatchObject(text("logged"));
    expect(await child.request("tools/call", modern(log, { [`${META}logLevel`]: "error" }))).toMatchObject(
      text("logged"),
    );
    const odd = await child.request("tools/call", modern(log, { [`${META}logLevel`]: "loud" }));
    expect(odd).toMatchObject({ error: { code: -32602 } });
  });

  test.concurrent("stops a call that is cancelled, and never answers it", async () => {
    await using child = startEra("era-modern");
    child.send({ id: 1, method: "tools/call", params: modern(call("slow", { ms: 60_000, tag: "nap" })) });
    expect(await child.complaint()).toBe("started nap");
    child.send({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect(await child.complaint()).toBe("cancelled nap");
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("acknowledges a subscription, and tells it what it asked for until it is cancelled", async () => {
    await using child = startEra("era-modern");
    const listen = (id: string, notifications: object) => {
      child.send({ id, method: "subscriptions/listen", params: modern({ notifications }) });
      return child.next();
    };
    const of = (id: string) => ({ _meta: { [`${META}subscriptionId`]: id } });
    const wanted = { toolsListChanged: true, promptsListChanged: true };
    expect((await listen("t", wanted)).params).toEqual({ ...of("t"), notifications: { toolsListChanged: true } });
    const uris = { resourceSubscriptions: ["x:1"] };
    expect((await listen("r", uris)).params).toEqual({ ...of("r"), notifications: uris });

    expect(await child.request("tools/call", modern(call("touch", { uri: "x:2" })))).toMatchObject(text("touched"));
    child.send({ id: 8, method: "tools/call", params: modern(call("touch", { uri: "x:1" })) });
    expect(await child.next()).toMatchObject({
      method: "notifications/resources/updated",
      params: { ...of("r"), uri: "x:1" },
    });
    expect(await child.next()).toMatchObject(text("touched"));
    child.send({ id: 9, method: "tools/call", params: modern(call("change")) });
    expect(await child.next()).toMatchObject({ method: "notifications/tools/list_changed", params: of("t") });
    expect(await child.next()).toMatchObject(text("changed"));

    child.send({ method: "notifications/cancelled", params: { requestId: "t" } });
    expect(await child.complaint()).toBe("cancelled subscriptions/listen");
    expect(await child.request("tools/call", modern(call("change")))).toMatchObject(text("changed"));
    expect(await child.finish()).toEqual([]);
  });

  test.concurrent("ends with code 3 and without an answer when it crashes", async () => {
    await using child = startEra("era-modern");
    child.send({ id: 1, method: "tools/call", params: modern(call("crash")) });
    expect(await child.exited).toBe(3);
    await expect(child.next()).rejects.toThrow("ended before");
  });
});
