import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createFakeSide } from "./fake-side.ts";
import { settle } from "./fake-source.ts";

const META = "io.modelcontextprotocol/";
const TOOL = { name: "x", arguments: { a: 1 } };
const round = (keys: readonly string[], requestState?: string) => ({
  result: {
    resultType: "input_required",
    inputRequests: Object.fromEntries(
      keys.map((key) => [key, { method: "elicitation/create", params: { message: key } }]),
    ),
    ...(requestState !== undefined && { requestState }),
  },
});

describe("a legacy client's request", () => {
  test("carries what a modern server must know of the client, and its answer nothing that the client does not know", async () => {
    const { request, call, toClient, events } = createFakeSide("modern");
    await request("7", "tools/call", { ...TOOL, _meta: { progressToken: 1 } });
    const sent = await call(0);
    expect(sent.request.params).toEqual({
      ...TOOL,
      _meta: {
        progressToken: 1,
        [`${META}protocolVersion`]: "2026-07-28",
        [`${META}clientInfo`]: { name: "c", version: "1" },
        [`${META}clientCapabilities`]: { elicitation: {}, roots: {} },
      },
    });
    sent.notify("notifications/progress", { progressToken: 1, progress: 1 });
    sent.answer({ result: { resultType: "complete", ttlMs: 1, cacheScope: "public", content: [] } });
    expect(toClient.map(({ method, result }) => method ?? result)).toEqual(["notifications/progress", { content: [] }]);
    expect(events).toEqual(["1 shared", "1 released"]);
  });

  test("is repeated with all answers and the state, however the client orders them", async () => {
    const { request, call, toClient, say, events } = createFakeSide("modern");
    await request("7", "tools/call", TOOL);
    (await call(0)).answer(round(["a", '"}'], "state\n"));
    await settle();
    expect(toClient.map(({ method, params }) => [method, params?.["message"]])).toEqual([
      ["elicitation/create", "a"],
      ["elicitation/create", '"}'],
    ]);
    say(toClient[1]?.id, { result: { action: "accept", content: { big: 2 } } });
    say(toClient[0]?.id, { error: { code: -1, message: "no" } });
    const retried = (await call(1)).request.params;
    expect(retried).toMatchObject({
      ...TOOL,
      requestState: "state\n",
      inputResponses: { a: { action: "cancel" }, '"}': { action: "accept", content: { big: 2 } } },
    });
    // A round without a state is repeated without one.
    (await call(1)).answer(round(["b"]));
    await settle();
    say(toClient[2]?.id, { result: { action: "decline" } });
    const { params } = (await call(2)).request;
    expect(Object.keys(params ?? {}).sort()).toEqual(["_meta", "arguments", "inputResponses", "name"]);
    expect(params?.["inputResponses"]).toEqual({ b: { action: "decline" } });
    expect(events).toEqual(["1 shared"]);
  });

  test("that is refused input which has no form for that fails with the client's reason", async () => {
    const { request, call, toClient, say, calls } = createFakeSide("modern");
    await request("7", "tools/call", TOOL);
    (await call(0)).answer({
      result: {
        resultType: "input_required",
        inputRequests: { a: { method: "roots/list" }, b: { method: "roots/list" } },
      },
    });
    await settle();
    say(toClient[0]?.id, { error: { code: -9, message: "no" } });
    say(toClient[1]?.id, { result: { roots: [] } });
    await settle();
    expect(toClient[2]).toMatchObject({ id: "7", error: { code: -32603, data: { clientError: { code: -9 } } } });
    expect(calls.length).toBe(1);
  });

  test("for which the server wants what the client has not declared fails, and the client is asked nothing", async () => {
    const { request, call, toClient, calls, events } = createFakeSide("modern");
    for (const [id, undeclared, requiredCapabilities] of [
      ["7", { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } }, { sampling: {} }],
      ["8", { method: "elicitation/create", params: { mode: "url" } }, { elicitation: { url: {} } }],
    ] as const) {
      await request(id, "tools/call", TOOL);
      const inputRequests = { a: { method: "roots/list" }, b: undeclared };
      (await call(calls.length - 1)).answer({
        result: { resultType: "input_required", inputRequests, requestState: "s" },
      });
      await settle();
      expect(toClient.at(-1)).toMatchObject({ id, error: { code: -32603, data: { requiredCapabilities } } });
    }
    expect([toClient.length, calls.length]).toEqual([2, 2]);
    expect(events).toEqual(["1 shared", "1 released", "2 shared", "2 released"]);
  });

  test("for which the server wants input, but nothing in particular, is not sent again and again", async () => {
    const { request, call, calls, toClient, events } = createFakeSide("modern");
    await request("7", "tools/call", TOOL);
    (await call(0)).answer({ result: { resultType: "input_required", requestState: null } });
    await settle();
    expect(toClient).toMatchObject([{ id: "7", error: { code: -32603 } }]);
    expect(calls.length).toBe(1);
    expect(events.at(-1)).toBe("1 released");
  });

  test("is given up by the proxy when the rounds have no end", async () => {
    const { request, call, toClient, say, refusals, events } = createFakeSide("modern");
    await request("7", "tools/call", TOOL);
    for (let n = 0; n <= 100; n++) {
      (await call(n)).answer(round(["a"]));
      await settle();
      say(toClient.at(-1)?.id, { result: { action: "decline" } });
      await settle();
    }
    expect(refusals.get("7")).toBe("child_refused");
    expect(toClient.length).toBe(100);
    expect(events.at(-1)).toBe("1 released");
  });

  test("that is cancelled while the client is asked is not repeated, and its question is taken back", async () => {
    const { side, request, call, calls, toClient, say, events } = createFakeSide("modern");
    await request("7", "tools/call", TOOL);
    (await call(0)).answer(round(["a"]));
    await settle();
    side.cancel("7", "enough");
    expect(toClient[1]).toMatchObject({ method: "notifications/cancelled", params: { requestId: toClient[0]?.id } });
    say(toClient[0]?.id, { result: { action: "accept" } });
    await settle();
    expect(calls.length).toBe(1);
    expect(events).toEqual(["1 shared", "1 released"]);
  });

  test("may have the id of one that was cancelled, whatever becomes of that one", async () => {
    const { side, request, call, failNext, refusals, toClient, events } = createFakeSide("modern");
    failNext("lease", new ProxyError("pool_full"));
    const first = request("7", "tools/call", TOOL);
    side.cancel("7", "enough");
    const second = request("7", "tools/call", TOOL);
    await Promise.all([first, second]);
    expect(refusals.size).toBe(0);
    (await call(0)).answer({ result: { content: [] } });
    expect(toClient.length).toBe(1);
    expect(events).toEqual(["1 shared", "1 released"]);
  });

  test("has a child of its own as long as the client wants log messages, which others need not wait for", async () => {
    const { side, request, call, toClient, say, events, listeners } = createFakeSide("modern");
    side.setLogLevel("warning");
    await request("7", "tools/call", TOOL);
    const first = await call(0);
    expect(first.request.params?.["_meta"]).toMatchObject({ [`${META}logLevel`]: "warning" });
    for (const { onNotification } of listeners) {
      const line = Buffer.from('{"jsonrpc":"2.0","method":"notifications/message","params":{}}');
      void onNotification({ line, message: { kind: "notification", method: "notifications/message" } });
    }
    expect(toClient.map(({ method }) => method)).toEqual(["notifications/message"]);
    first.answer(round(["a"]));
    await settle();
    say(toClient[1]?.id, { result: { action: "accept" } });
    (await call(1)).answer({ result: {} });
    expect(events).toEqual(["1 alone", "1 parked", "1 back", "1 released"]);
    expect(listeners.size).toBe(0);
  });
});

describe("a child that one has alone", () => {
  const alone = async () => {
    const fake = createFakeSide("modern");
    fake.side.setLogLevel("debug");
    await fake.request("7", "tools/call", TOOL);
    return { ...fake, sent: await fake.call(0) };
  };

  test("is given to nobody else when it may still be at work", async () => {
    const failed = await alone();
    failed.sent.events.onFailure(new ProxyError("child_timeout"));
    expect(failed.refusals.get("7")).toBe("child_timeout");
    const cancelled = await alone();
    cancelled.side.cancel("7", "enough");
    const closed = await alone();
    closed.side.close();
    for (const { events } of [failed, cancelled, closed])
      expect(events).toEqual(["1 alone", "1 retired", "1 released"]);
  });

  test("may serve others when it has answered, be it with a question that nobody wants to hear any more", async () => {
    const { side, sent, events } = await alone();
    sent.answer(round(["a"]));
    await settle();
    side.cancel("7", "enough");
    expect(events).toEqual(["1 alone", "1 parked", "1 released"]);
  });
});

describe("the end of a session", () => {
  test("cancels what is in flight, gives everything back and listens no more", async () => {
    const { side, request, call, events } = createFakeSide("modern");
    const opening = side.open();
    const listening = await call(0);
    listening.notify("notifications/subscriptions/acknowledged", { notifications: {} });
    await opening;
    await request("7", "tools/call", TOOL);
    side.close();
    expect([listening.cancelled(), (await call(1)).cancelled()].every((reason) => reason !== undefined)).toBe(true);
    expect(events.filter((event) => event.endsWith("released")).length).toBe(2);
    expect(events).toContain("1 unpinned");
    await request("8", "tools/call", TOOL).catch(() => undefined);
    expect((await call(1)).method).toBe("tools/call");
  });
});
