import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";
import { callStateless, openStateless, type StatelessCall, type StatelessStream } from "../support/stateless.ts";
import { postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const NOTE = "fixture:///note";
const OTHER = "fixture:///other";

let proxy: TestProxy;
beforeAll(async () => {
  const scripted = (era: string, use: string) => fixture("era/scripted", [era, "", use]);
  const uses = ["burst", "teardown", "forgotten", "slow"];
  const entries = uses.flatMap((use) => [
    [`legacy ${use}`, scripted("legacy", use)] as const,
    [`modern ${use}`, scripted("modern", use)] as const,
  ]);
  proxy = await startProxy({
    config: {
      mcpServers: { legacy: fixture("era-legacy"), modern: fixture("era-modern"), ...Object.fromEntries(entries) },
      timeouts: { gracefulStop: "300ms", heartbeat: "100ms", stalledWrite: "20s" },
    },
  });
});
afterAll(() => proxy.stop());

const tool = (name: string, args: object = {}): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
});
const say = (server: string, ...lines: readonly string[]) => callStateless(proxy, server, tool("say", { lines }));
const touch = (server: string, uri: string) => callStateless(proxy, server, tool("touch", { uri }));

const receivedBy = async (server: string): Promise<readonly string[]> => {
  const { answer } = await callStateless(proxy, server, tool("received"));
  return (answer.result?.["received"] ?? []) as readonly string[];
};

/** Listens, and waits for the acknowledgement. */
const listen = async (server: string, notifications: object, id?: string | number): Promise<StatelessStream> => {
  const params = { notifications };
  const stream = openStateless(proxy, server, {
    method: "subscriptions/listen",
    params,
    ...(id === undefined ? {} : { id }),
  });
  const acknowledged = await stream.next();
  expect(acknowledged.method).toBe("notifications/subscriptions/acknowledged");
  return stream;
};

const subscriptionOf = ({ params }: Message): unknown =>
  (params?.["_meta"] as Readonly<Record<string, unknown>> | undefined)?.[SUBSCRIPTION];

describe.each(["legacy", "modern"])("a subscription to a %s server", (server) => {
  test.each([1, 0, "text", 'a "quoted" \\ id', "é\u2028", "__proto__"])(
    "with the id %j is acknowledged first, and all that it brings carries the id",
    async (id) => {
      const wanted = { toolsListChanged: true, resourceSubscriptions: [NOTE] };
      await using stream = await listen(server, wanted, id);
      await touch(server, NOTE);
      await callStateless(proxy, server, tool("change"));
      expect(await stream.next()).toMatchObject({ method: "notifications/resources/updated", params: { uri: NOTE } });
      expect((await stream.next()).method).toBe("notifications/tools/list_changed");
      expect(stream.messages().map(subscriptionOf)).toEqual([id, id, id]);
      expect(stream.messages()[0]?.params?.["notifications"]).toEqual(wanted);
    },
  );

  test("has nothing that its client did not ask for", async () => {
    await using tools = await listen(server, { toolsListChanged: true });
    await using note = await listen(server, { resourceSubscriptions: [NOTE] });
    await using nothing = await listen(server, {});
    await using declined = await listen(server, { toolsListChanged: false, resourceSubscriptions: [] });
    await touch(server, NOTE);
    await callStateless(proxy, server, tool("change"));
    expect((await tools.next()).method).toBe("notifications/tools/list_changed");
    expect((await note.next()).method).toBe("notifications/resources/updated");
    // What was said before it on the child's one channel has been passed on or dropped by now.
    expect([tools, note, nothing, declined].map((stream) => stream.messages().length)).toEqual([2, 2, 1, 1]);
  });

  test("shares its id with another client's, and each gets its own updates", async () => {
    await using one = await listen(server, { resourceSubscriptions: [NOTE] }, 7);
    await using other = await listen(server, { resourceSubscriptions: [OTHER] }, 7);
    await touch(server, OTHER);
    await touch(server, NOTE);
    expect(await one.next()).toMatchObject({ params: { uri: NOTE, _meta: { [SUBSCRIPTION]: 7 } } });
    expect(await other.next()).toMatchObject({ params: { uri: OTHER, _meta: { [SUBSCRIPTION]: 7 } } });
    await one.close();
    await touch(server, NOTE);
    await touch(server, OTHER);
    expect(await other.next()).toMatchObject({ params: { uri: OTHER } });
    expect(other.messages().length).toBe(3);
  });

  test("outlives the calls of others, and its own heartbeats are comments", async () => {
    await using stream = await listen(server, { toolsListChanged: true });
    await eventually("heartbeats", () => stream.comments() >= 3);
    await callStateless(proxy, server, tool("echo", { message: "x" }));
    await callStateless(proxy, server, tool("change"));
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  });

  test("with an id beyond 2^53 keeps all of its digits", async () => {
    const id = "9007199254740993";
    const meta = `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`;
    const body = `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"_meta":${meta},"notifications":{"toolsListChanged":true}}}`;
    const stream = await postTo(proxy, server, body, {
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": "subscriptions/listen",
    });
    await stream.message("the acknowledgement", () => true);
    await callStateless(proxy, server, tool("change"));
    await stream.message("news", ({ method }) => method === "notifications/tools/list_changed");
    stream.cut();
    for (const payload of stream.payloads()) expect(payload.toString()).toContain(`"${SUBSCRIPTION}":${id}`);
  });
});

describe.each([
  ["legacy", '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'],
  [
    "modern",
    `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"${SUBSCRIPTION}":$LISTEN}}}`,
  ],
])("news of a %s server", (era, news) => {
  test("in a burst all reach a client that reads", async () => {
    const server = `${era} burst`;
    await using stream = await listen(server, { toolsListChanged: true });
    for (let burst = 0; burst < 5; burst++) {
      await say(server, ...Array.from({ length: 200 }, () => news));
    }
    await eventually("all of them", () => stream.messages().length === 1_001);
  });

  test("do not pile up for a client that does not read: its stream is cut off, and nothing is left of it", async () => {
    const server = `${era} slow`;
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "subscriptions/listen",
      params: {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": {},
        },
        notifications: { toolsListChanged: true, resourceSubscriptions: [NOTE] },
      },
    });
    const connection = await connectRaw(proxy.port);
    connection.send(
      requestText(
        `POST /${encodeURIComponent(server)}/mcp HTTP/1.1`,
        [
          `Host: 127.0.0.1:${proxy.port}`,
          `Authorization: Bearer ${proxy.secret}`,
          "Accept: application/json, text/event-stream",
          "Content-Type: application/json",
          "MCP-Protocol-Version: 2026-07-28",
          "Mcp-Method: subscriptions/listen",
          `Content-Length: ${body.length}`,
        ],
        body,
      ),
    );
    await connection.until("the acknowledgement", (text) => text.includes("acknowledged"));
    connection.pause();
    const filler = `{"x":"${"x".repeat(50_000)}",${news.slice(1)}`;
    const isOver = (line: string): boolean =>
      line.includes(era === "legacy" ? "resources/unsubscribe" : "notifications/cancelled");
    await eventually("the end of its subscription", async () => {
      await say(server, ...Array.from({ length: 20 }, () => filler));
      return (await receivedBy(server)).some(isOver);
    });
    connection.destroy();
  });
});

describe("the end of a subscription", () => {
  test("at a legacy server takes back what nobody else is subscribed to, and only that", async () => {
    const server = "legacy forgotten";
    const first = await listen(server, { resourceSubscriptions: [NOTE, OTHER, NOTE] });
    const second = await listen(server, { resourceSubscriptions: [NOTE] });
    expect(first.messages()[0]?.params?.["notifications"]).toEqual({ resourceSubscriptions: [NOTE, OTHER] });
    const unsubscribed = async (uri: string): Promise<boolean> =>
      (await receivedBy(server)).some((line) => line.includes("resources/unsubscribe") && line.includes(`"${uri}"`));
    await first.close();
    await eventually("the first one's end", () => unsubscribed(OTHER));
    expect(await unsubscribed(NOTE)).toBe(false);
    await second.close();
    await eventually("the second one's end", () => unsubscribed(NOTE));
  });

  test("at a modern server is told to it", async () => {
    const server = "modern forgotten";
    const stream = await listen(server, { resourceSubscriptions: [NOTE] });
    const listened = (await receivedBy(server)).find((line) => line.includes("subscriptions/listen")) ?? "{}";
    const { id } = JSON.parse(listened) as Message;
    await stream.close();
    await eventually("the cancellation", async () =>
      (await receivedBy(server)).some((line) => line.includes("notifications/cancelled") && line.includes(`:${id},`)),
    );
  });

  test.each([
    ["by a cancellation", ['{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":$LISTEN}}'], 0],
    [
      "by a result, and a cancellation after it",
      [
        `{"jsonrpc":"2.0","id":$LISTEN,"result":{"resultType":"complete","_meta":{"${SUBSCRIPTION}":$LISTEN}}}`,
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":$LISTEN}}',
      ],
      1,
    ],
  ])("that a modern server makes %s ends the stream, and no other", async (_, lines, answers) => {
    const server = "modern teardown";
    await using other = await listen(server, { toolsListChanged: true }, "other");
    await using stream = await listen(server, { toolsListChanged: true }, "mine");
    await say(server, ...lines);
    await stream.ended.catch(() => {});
    const ends = stream.messages().filter(({ method }) => method === undefined);
    expect(ends.length).toBe(answers);
    for (const { id, result } of ends) {
      expect(id).toBe("mine");
      expect(result).toMatchObject({ _meta: { [SUBSCRIPTION]: "mine" } });
    }
    expect(other.messages().length).toBe(1);
  });
});
