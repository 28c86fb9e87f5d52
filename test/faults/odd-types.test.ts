import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { openLegacy } from "../support/legacy-session.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessCall } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(60_000);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era/scripted", ["legacy", ""]),
        modern: fixture("era/scripted", ["modern", ""]),
        "shared-legacy": fixture("era/scripted", ["legacy", ""], { isolation: "shared" }),
        "shared-modern": fixture("era/scripted", ["modern", ""], { isolation: "shared" }),
      },
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(() => proxy.stop());

/** What JavaScript cannot make a text of. */
const ODD = { toString: 1, valueOf: 1 };

const say = (lines: readonly string[], more: object = {}): StatelessCall => ({
  method: "tools/call",
  params: { name: "say", arguments: { lines, ...more } },
});

/** Ends of children so far: none may end for what one caller or server says. */
const ends = (): number =>
  proxy.log.lines.filter((line) => line["msg"] === "pooled child ended" && line["reason"] !== "retired").length;

describe.each(["legacy", "modern"])(
  "an object where a stateless client of a %s server should send a text",
  (server) => {
    test.each<[string, StatelessCall]>([
      ["the URI of a resource", { method: "resources/read", params: { uri: ODD } }],
      ["the name of a tool", { method: "tools/call", params: { name: ODD } }],
      ["the name of a prompt", { method: "prompts/get", params: { name: ODD } }],
      ["a progress token", { method: "tools/call", params: { name: "say" }, meta: { progressToken: ODD } }],
      ["a requestState", { method: "tools/call", params: { name: "say", requestState: ODD } }],
      ["an answer to a question", { method: "tools/call", params: { name: "say", inputResponses: { a: "yes" } } }],
      ["the answers to questions", { method: "tools/call", params: { name: "say", inputResponses: "yes" } }],
      ["a filter of notifications", { method: "subscriptions/listen", params: { notifications: "tools" } }],
      [
        "a resource to listen to",
        { method: "subscriptions/listen", params: { notifications: { resourceSubscriptions: [ODD] } } },
      ],
      ["a log level", { method: "tools/list", meta: { "io.modelcontextprotocol/logLevel": ODD } }],
    ])("as %s is refused under its id, and disturbs nobody", async (_, call) => {
      const before = ends();
      await using other = openStateless(proxy, server, say([], { held: true }));
      await other.response;
      const { status, answer } = await callStateless(proxy, server, { ...call, id: "odd" });
      expect([status, answer.id, answer.error?.code]).toEqual([400, "odd", -32602]);
      expect((await callStateless(proxy, server, say([]))).status).toBe(200);
      expect(ends()).toBe(before);
    });
  },
);

describe("an odd message of a server", () => {
  const updated = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":{"toString":1}}}';
  const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{"toString":1}}}';
  const logged = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":{"toString":1},"data":1}}';
  const progressed = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":{"toString":1}}}';

  test.each([updated, cancelled, logged, progressed])("%s ends nothing of stateless clients", async (line) => {
    const before = ends();
    await using listening = openStateless(proxy, "legacy", {
      method: "subscriptions/listen",
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ["a:b"] } },
    });
    await listening.next();
    const answered = await callStateless(proxy, "legacy", say([line]));
    expect(answered.status).toBe(200);
    await callStateless(proxy, "legacy", say(['{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}']));
    expect((await listening.next()).method).toBe("notifications/tools/list_changed");
    expect(ends()).toBe(before);
  });

  describe.each(TRANSPORTS)("over %s", (transport) => {
    test.each([updated, cancelled, logged, progressed])("%s ends no session that shares its child", async (line) => {
      const before = ends();
      const one = await openLegacy(proxy, transport, "shared-legacy");
      const other = await openLegacy(proxy, transport, "shared-legacy");
      await one.request("resources/subscribe", { uri: "a:b" });
      await one.request("tools/call", { name: "say", arguments: { lines: [line] } });
      expect((await other.request("tools/list")).result).toEqual({ tools: [] });
      expect((await one.request("tools/list")).result).toEqual({ tools: [] });
      expect(ends()).toBe(before);
      await Promise.all([one.close(), other.close()]);
    });

    test("that asks for something by a name that is none fails that call alone", async () => {
      const before = ends();
      const session = await openLegacy(proxy, transport, "shared-modern", { capabilities: { elicitation: {} } });
      const result =
        '"result":{"resultType":"input_required","inputRequests":{"a":{"method":{"toString":1},"params":1}}}';
      const lines = [`{"jsonrpc":"2.0","id":$ID,${result}}`];
      const { error } = await session.request("tools/call", { name: "say", arguments: { lines, held: true } });
      expect(error?.code).toBe(-32603);
      expect((await session.request("tools/list")).result).toEqual({ tools: [] });
      expect(ends()).toBe(before);
      await session.close();
    });

    test.each(["shared-legacy", "shared-modern"])(
      "and a client of %s that sends an object for a token or a URI is told so",
      async (server) => {
        const session = await openLegacy(proxy, transport, server);
        for (const [method, params] of [
          ["tools/call", { name: "say", _meta: { progressToken: ODD } }],
          ["resources/subscribe", { uri: ODD }],
          ["resources/unsubscribe", { uri: ODD }],
          ["logging/setLevel", { level: ODD }],
        ] as const)
          expect((await session.request(method, params)).error?.code).toBe(-32602);
        await session.send({ method: "notifications/cancelled", params: { requestId: ODD } });
        expect((await session.request("tools/list")).result).toEqual({ tools: [] });
        await session.close();
      },
    );
  });
});
