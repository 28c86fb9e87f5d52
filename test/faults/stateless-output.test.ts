import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessCall } from "../support/stateless.ts";
import { postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  const policy = { limits: { lineBytes: "100KB" }, timeouts: { request: "5s" }, clientEnv: ["SHAPE"] };
  proxy = await startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era/scripted", ["legacy", ""], policy),
        modern: fixture("era/scripted", ["modern", ""], policy),
        hasty: fixture("era/scripted", ["legacy", "", "hasty"], { timeouts: { request: "300ms" } }),
      },
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(() => proxy.stop());

const tool = (name: string, args: object = {}, more: Partial<StatelessCall> = {}): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
  ...more,
});
const say = (server: string, lines: readonly string[], more: Partial<StatelessCall> = {}) =>
  callStateless(proxy, server, tool("say", { lines }, more));

/** Headers of a tool call whose body is written by hand. */
const headersFor = (name: string): Readonly<Record<string, string>> => ({
  "MCP-Protocol-Version": "2026-07-28",
  "Mcp-Method": "tools/call",
  "Mcp-Name": name,
});
const ENVELOPE = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}`;

describe.each(["legacy", "modern"])("a shared %s child that", (server) => {
  test.each([
    ["writes what is no JSON", ["oops", "{", "", "   ", "null", "[]", "1", '"text"', "{}"]],
    [
      "writes what is no JSON-RPC",
      [
        '{"level":"info","id":$ID,"result":{}}',
        '{"jsonrpc":"2.0"}',
        '{"id":$ID}',
        '{"jsonrpc":"2.0","id":$ID,"method":1}',
      ],
    ],
    [
      "answers what nobody asked",
      ["0", "-1", "999999", '"1"', "null", "1.5", "1e300", '"__proto__"'].map(
        (id) => `{"jsonrpc":"2.0","id":${id},"result":{"stray":1}}`,
      ),
    ],
    [
      "refuses what nobody asked",
      [
        '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}',
        '{"jsonrpc":"2.0","error":{"code":-32700,"message":"?"}}',
      ],
    ],
    [
      "reports progress of what nobody asked",
      ["0", "999999", '"1"', "null", "[]", "{}", "true", "1e300"].map(
        (token) =>
          `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1}}`,
      ),
    ],
    [
      "reports progress of nothing at all",
      [
        '{"jsonrpc":"2.0","method":"notifications/progress"}',
        '{"jsonrpc":"2.0","method":"notifications/progress","params":null}',
      ],
    ],
    [
      "reports progress although none was wanted",
      ['{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}'],
    ],
    [
      "cancels what nobody asked",
      ["0", "999999", '"1"', "null", "$ID"].map(
        (id) => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`,
      ),
    ],
    [
      "tells of things that belong to nobody",
      [
        '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}',
        '{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"x"}}',
        '{"jsonrpc":"2.0","method":"x"}',
      ],
    ],
  ])("%s: its caller gets the one answer that is its own, and nothing else", async (_, lines) => {
    const { status, messages } = await say(server, lines, { id: "mine" });
    expect(status).toBe(200);
    expect(messages.length).toBe(1);
    expect(messages[0]).toMatchObject({ id: "mine", result: { content: [] } });
  });

  test("answers twice: the first answer counts", async () => {
    const first = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"first":true}}';
    const { messages } = await say(server, [first, first.replace("true", "false")], { id: 1 });
    expect(messages.length).toBe(1);
    expect(messages[0]?.result).toMatchObject({ first: true });
    expect((await say(server, [])).status).toBe(200);
  });

  test("has callers who count their ids alike answers each its own", async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        say(server, [`{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"of":${index}}}`], { id: 1 }),
      ),
    );
    expect(results.map(({ answer }) => answer.result?.["of"])).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  test("reports progress reaches the caller under the caller's own token, be it a text or a number", async () => {
    const report = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":$TOKEN}}';
    for (const progressToken of ["text", 'a "quote"', 0, 1, 42]) {
      const { messages } = await say(server, [report, report], { meta: { progressToken } });
      expect(messages.map(({ params }) => params?.["progressToken"])).toEqual([
        progressToken,
        progressToken,
        undefined,
      ]);
    }
  });

  test("asks for something without any client there is refused at once, and goes on", async () => {
    const requests = ["sampling/createMessage", "elicitation/create", "roots/list", "x/y"].map(
      (method, index) => `{"jsonrpc":"2.0","id":"${server}-${index}","method":"${method}","params":{}}`,
    );
    const ping = `{"jsonrpc":"2.0","id":"${server}-ping","method":"ping"}`;
    await say(server, [ping]);
    await Promise.all([say(server, requests), callStateless(proxy, server, { method: "tools/list" })]);
    const { answer } = await callStateless(proxy, server, tool("received"));
    const received = (answer.result?.["received"] ?? []) as readonly string[];
    const answerTo = (id: string): string | undefined => received.find((line) => line.includes(`"id":"${id}"`));
    expect(answerTo(`${server}-ping`)).toContain('"result":{}');
    for (const index of [0, 1, 2, 3]) expect(answerTo(`${server}-${index}`)).toContain('"error"');
  });

  test("writes a line over limits.lineBytes is ended: whoever waits is told why, and the next call gets another child", async () => {
    const headers = { ENV_SHAPE: "long" };
    await using waiting = openStateless(proxy, server, tool("say", { held: true }, { headers }));
    await waiting.response;
    const { answer } = await callStateless(
      proxy,
      server,
      tool("say", { lines: ["x".repeat(150_000)], held: true }, { headers }),
    );
    expect(answer.error).toMatchObject({ code: -32000, data: { code: "child_line_too_large" } });
    expect((await waiting.next()).error?.data).toMatchObject({ code: "child_line_too_large" });
    expect((await callStateless(proxy, server, tool("say", {}, { headers }))).status).toBe(200);
  });

  test("is sent numbers beyond 2^53, names that come twice and odd spellings passes them on and back as they are", async () => {
    const args = `{"big":9007199254740993,"e":1e3,"minus":-0,"dup":1,"dup":2,"deep":[{"__proto__":{"x":1}}],"esc":"\\u00e9\\/\\ud83d\\ude00", "space" : [ 1 ,2 ]}`;
    const body = `{"jsonrpc":"2.0","id":9007199254740995,"method":"tools/call","params":{"name":"mirror","arguments":${args},"_meta":{${ENVELOPE},"other":9007199254740993}}}`;
    const { status, payloads } = await postTo(proxy, server, body, headersFor("mirror"));
    expect(status).toBe(200);
    const text = payloads()[0]?.toString() ?? "";
    expect(text).toContain(`"arguments":${args}`);
    expect(text).toContain('"other":9007199254740993');
    expect(text).toContain('"id":9007199254740995');
    const unchanged = `"content":[],"big":9007199254740993,"e":1e3,"dup":1,"dup":2`;
    const said = JSON.stringify(`{"jsonrpc":"2.0","id":$ID,"result":{${unchanged}}}`);
    const saying = `{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"say","arguments":{"lines":[${said}]},"_meta":{${ENVELOPE}}}}`;
    const back = await postTo(proxy, server, saying, headersFor("say"));
    expect(back.payloads()[0]?.toString()).toContain(unchanged);
  });

  test.each([
    "0",
    "-1",
    "-0",
    "1e3",
    "1.5",
    "9007199254740993",
    "-9007199254740993",
    '""',
    '"a"',
    '"1"',
    '"__proto__"',
    '"\\u00e9\\n"',
    '"\u2028"',
  ])("is called with the id %s answers with that very text", async (id) => {
    const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"say","arguments":{},"_meta":{${ENVELOPE}}}}`;
    const { payloads } = await postTo(proxy, server, body, headersFor("say"));
    expect(payloads()[0]?.toString()).toContain(`"id":${id},`);
  });

  test("has a client that does not read its progress keeps nobody else waiting", async () => {
    const report = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":$TOKEN,';
    // Far more than the sockets in between can hold.
    const args = JSON.stringify({ held: true, times: 200, lines: [`${report}"message":"${"x".repeat(90_000)}"}}`] });
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":${args},"_meta":{${ENVELOPE},"progressToken":"t"}}}`;
    const connections = await Promise.all(
      Array.from({ length: 2 }, async () => {
        const connection = await connectRaw(proxy.port);
        connection.pause();
        connection.send(
          requestText(
            `POST /${server}/mcp HTTP/1.1`,
            [
              `Host: 127.0.0.1:${proxy.port}`,
              `Authorization: Bearer ${proxy.secret}`,
              "Accept: application/json, text/event-stream",
              "Content-Type: application/json",
              ...Object.entries(headersFor("say")).map(([name, value]) => `${name}: ${value}`),
              `Content-Length: ${Buffer.byteLength(body)}`,
            ],
            body,
          ),
        );
        return connection;
      }),
    );
    for (let call = 0; call < 10; call++) expect((await say(server, [])).status).toBe(200);
    for (const connection of connections) connection.destroy();
  });
});

describe("a call that a child does not answer", () => {
  test("gets an error after timeouts.request, counted anew from each report of progress, and the child is told", async () => {
    const report = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":$TOKEN}}';
    const { messages, answer } = await callStateless(
      proxy,
      "hasty",
      tool("say", { lines: [report], held: true }, { meta: { progressToken: "t" } }),
    );
    expect(messages.length).toBe(2);
    expect(answer.error).toMatchObject({ code: -32001, data: { code: "child_timeout" } });
    const { answer: told } = await callStateless(proxy, "hasty", tool("received"));
    expect(JSON.stringify(told.result?.["received"])).toContain("notifications/cancelled");
  });
});
