import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessStream } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const NOTE = "fixture:///note";

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: { legacy: fixture("era-legacy"), scripted: fixture("era/scripted", ["legacy", ""]) },
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(() => proxy.stop());

const say = (...lines: readonly string[]) =>
  callStateless(proxy, "scripted", { method: "tools/call", params: { name: "say", arguments: { lines } } });

/** Listens, and waits for the acknowledgement. */
const listen = async (server: string, notifications: object, id = "odd"): Promise<StatelessStream> => {
  const stream = openStateless(proxy, server, { method: "subscriptions/listen", params: { notifications }, id });
  expect((await stream.next()).method).toBe("notifications/subscriptions/acknowledged");
  return stream;
};

describe("an odd subscription", () => {
  test.each([
    ["no filter", undefined],
    ["null for a filter", null],
    ["a list for a filter", []],
    ["a text for a filter", "tools"],
    ["a text for URIs", { resourceSubscriptions: NOTE }],
    ["a number among the URIs", { resourceSubscriptions: [NOTE, 1] }],
    ["more URIs than anybody may name", { resourceSubscriptions: Array.from({ length: 300 }, (_, n) => `x:${n}`) }],
  ])("with %s is refused by the proxy, for a legacy server", async (_, notifications) => {
    const { status, answer } = await callStateless(proxy, "legacy", {
      method: "subscriptions/listen",
      params: notifications === undefined ? {} : { notifications },
    });
    expect(status).toBe(400);
    expect(answer.error).toMatchObject({ code: -32602, data: { code: "invalid_params" } });
  });

  test("whose names are those of objects' innards is as good as empty", async () => {
    const filter = JSON.parse('{"__proto__":{"toolsListChanged":true},"constructor":true,"toString":1}') as object;
    await using stream = await listen("legacy", filter);
    expect(stream.messages()[0]?.params?.["notifications"]).toEqual({});
  });

  test.each([
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":null}',
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}',
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":null}}',
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{}}}',
    '{"params":{"_meta":{"a":9007199254740993,"a":1}},"method":"notifications/tools/list_changed","jsonrpc":"2.0"}',
  ])("of a legacy server that writes %s hears of it", async (line) => {
    await using stream = await listen("scripted", { toolsListChanged: true }, "odd");
    await say(line);
    const news = await stream.next();
    expect(news.method).toBe("notifications/tools/list_changed");
    expect(news.params?.["_meta"]).toHaveProperty(["io.modelcontextprotocol/subscriptionId"], "odd");
  });

  test("hears nothing of updates that name no resource, or one that it did not ask for", async () => {
    await using stream = await listen("scripted", { toolsListChanged: true, resourceSubscriptions: [NOTE] });
    const updated = (params: string): string =>
      `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":${params}}`;
    await say(
      updated("null"),
      updated("{}"),
      updated('{"uri":null}'),
      updated('{"uri":["fixture:///note"]}'),
      updated('{"uri":"fixture:///notes"}'),
      '{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}',
      '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    );
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  });
});
