import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, type StatelessCall } from "../support/stateless.ts";
import { postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: { mcpServers: { server: fixture("era-legacy"), modern: fixture("era-modern") } },
  });
});
afterAll(() => proxy.stop());

const META = "io.modelcontextprotocol/";
const VERSION = `${META}protocolVersion`;
const CAPABILITIES = `${META}clientCapabilities`;

const echo: StatelessCall = { method: "tools/call", params: { name: "echo", arguments: { message: "x" } } };
const read: StatelessCall = { method: "resources/read", params: { uri: "fixture:///nóte 2" } };
const list: StatelessCall = { method: "tools/list" };

const refusal = async (call: StatelessCall) => {
  const { status, answer } = await callStateless(proxy, "server", { ...call, id: "mine" });
  expect(answer.id).toBe("mine");
  return { status, code: answer.error?.code, kind: answer.error?.data?.["code"], data: answer.error?.data };
};

describe("the headers of a stateless request", () => {
  test.each([
    ["no MCP-Protocol-Version", list, { "MCP-Protocol-Version": null }],
    ["another MCP-Protocol-Version", list, { "MCP-Protocol-Version": "2025-11-25" }],
    ["two MCP-Protocol-Versions", list, { "MCP-Protocol-Version": "2026-07-28, 2026-07-28" }],
    ["an empty MCP-Protocol-Version", list, { "MCP-Protocol-Version": "" }],
    ["no Mcp-Method", list, { "Mcp-Method": null }],
    ["another Mcp-Method", list, { "Mcp-Method": "tools/call" }],
    ["Mcp-Method in another case", list, { "Mcp-Method": "Tools/List" }],
    ["Mcp-Method in Base64", list, { "Mcp-Method": "=?base64?dG9vbHMvbGlzdA==?=" }],
    ["no Mcp-Name", echo, { "Mcp-Name": null }],
    ["another Mcp-Name", echo, { "Mcp-Name": "pid" }],
    ["Mcp-Name in another case", echo, { "Mcp-Name": "Echo" }],
    ["Mcp-Name in broken Base64", echo, { "Mcp-Name": "=?base64?ZWNobw?=" }],
    ["Mcp-Name in Base64 of another name", echo, { "Mcp-Name": "=?base64?cGlk?=" }],
    ["a URI that differs", read, { "Mcp-Name": "fixture:///note" }],
  ] as const)("with %s: 400, -32020", async (_, call: StatelessCall, headers) => {
    expect(await refusal({ ...call, headers })).toMatchObject({ status: 400, code: -32020, kind: "header_mismatch" });
  });

  test.each([
    ["Base64 where plain text would do", echo, { "Mcp-Name": "=?base64?ZWNobw==?=" }],
    ["whitespace around a value", echo, { "Mcp-Name": "  echo\t", "Mcp-Method": " tools/call " }],
    ["Mcp-Name where the method has none", list, { "Mcp-Name": "whatever" }],
    ["a session id, which this revision does not have", list, { "Mcp-Session-Id": "nobody" }],
    ["Last-Event-ID, which this revision does not have", list, { "Last-Event-ID": "1" }],
    ["Mcp-Param headers that no tool wants", echo, { "Mcp-Param-Region": "x" }],
  ] as const)("with %s are taken", async (_, call: StatelessCall, headers) => {
    expect((await callStateless(proxy, "server", { ...call, headers })).status).toBe(200);
  });

  test.each([
    ["that is to come", "2099-01-01"],
    ["that was never there", "1900-01-01"],
    ["of sessions", "2025-11-25"],
    ["that is no revision", "constructor"],
    ["that is empty", ""],
  ])("of a revision %s: 400, -32022 with those that are supported", async (_, revision) => {
    const { data, ...rest } = await refusal({ ...list, meta: { [VERSION]: revision } });
    expect(rest).toMatchObject({ status: 400, code: -32022 });
    expect(data).toMatchObject({ requested: revision, supported: expect.arrayContaining(["2026-07-28"]) });
  });
});

describe("the envelope of a stateless request", () => {
  test.each([
    ["no version", { [VERSION]: undefined }],
    ["a number for a version", { [VERSION]: 20260728 }],
    ["no capabilities", { [CAPABILITIES]: undefined }],
    ["null for capabilities", { [CAPABILITIES]: null }],
    ["a list for capabilities", { [CAPABILITIES]: [] }],
    ["a text for client info", { [`${META}clientInfo`]: "me" }],
    ["a log level that is none", { [`${META}logLevel`]: "loud" }],
    ["a log level in another case", { [`${META}logLevel`]: "Info" }],
    ["a number for a log level", { [`${META}logLevel`]: 1 }],
    ["a log level of objects' innards", { [`${META}logLevel`]: "constructor" }],
  ])("with %s: 400, -32602", async (_, meta) => {
    const headers = { "MCP-Protocol-Version": "2026-07-28" };
    expect(await refusal({ ...list, meta, headers })).toMatchObject({ status: 400, code: -32602 });
  });

  test.each(["server", "modern"])(
    "may leave out its client's name, and name things like objects' innards: %s",
    async (server) => {
      const innards: unknown = JSON.parse('{"__proto__":{"elicitation":{}},"constructor":{},"toString":{}}');
      const meta = { [`${META}clientInfo`]: undefined, [CAPABILITIES]: innards, ...(innards as object) };
      const asking = {
        method: "tools/call",
        params: { name: "ask", arguments: { kind: "elicitation", message: "?" } },
      };
      const { answer } = await callStateless(proxy, server, { ...asking, meta });
      // Not asked for what it can be asked for only in its prototype.
      expect(answer.result?.["resultType"]).not.toBe("input_required");
      const args: unknown = JSON.parse('{"message":"own","__proto__":{"message":"inherited"},"constructor":1}');
      const called = await callStateless(proxy, server, { ...echo, params: { name: "echo", arguments: args }, meta });
      expect(called.answer.result?.["content"]).toEqual([{ type: "text", text: "own" }]);
    },
  );
});

describe("the method of a stateless request", () => {
  test.each([
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "roots/list",
    "sampling/createMessage",
    "elicitation/create",
  ])("%s, which the revision does not have: 404, -32601, whatever the server would say", async (method) => {
    expect(await refusal({ method })).toMatchObject({ status: 404, code: -32601 });
  });

  test.each(["x/y", "", "constructor", "__proto__", "tools/call/", "notifications/cancelled"])(
    "%j, which the server does not have: 404, -32601",
    async (method) => {
      for (const server of ["server", "modern"]) {
        const { status, answer } = await callStateless(proxy, server, { method, headers: { "Mcp-Method": method } });
        expect({ status, code: answer.error?.code }).toEqual({ status: 404, code: -32601 });
      }
    },
  );

  test.each([
    [
      "a notification",
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
      202,
    ],
    [
      "a response",
      '{"jsonrpc":"2.0","id":1,"result":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
      400,
    ],
    [
      "a batch",
      '[{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}]',
      400,
    ],
    [
      "an id that is null",
      '{"jsonrpc":"2.0","id":null,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
      400,
    ],
    [
      "an id that is an object",
      '{"jsonrpc":"2.0","id":{},"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
      400,
    ],
    ["params that are a list", '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}', 400],
    ["params that are null", '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}', 400],
    ["a method that is no text", '{"jsonrpc":"2.0","id":1,"method":1}', 400],
  ])("in %s: %s is answered with %i", async (_, body, status) => {
    const got = await postTo(proxy, "server", body, {
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": "tools/list",
    });
    expect(got.status).toBe(status);
  });
});

test("of a member that comes twice the last one counts, for the headers as for the server", async () => {
  const meta = `{"${VERSION}":"2026-07-28","${CAPABILITIES}":{}}`;
  const params = (first: string, last: string) =>
    `{"name":"${first}","arguments":{"message":"1"},"_meta":{},"_meta":${meta},"arguments":{"message":"2"},"name":"${last}"}`;
  const post = (text: string) =>
    postTo(proxy, "server", `{"id":1,"jsonrpc":"2.0","method":"tools/call","params":${text}}`, {
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": "tools/call",
      "Mcp-Name": "echo",
    });
  expect((await (await post(params("pid", "echo"))).answer()).result?.["content"]).toEqual([
    { type: "text", text: "2" },
  ]);
  expect((await post(params("echo", "pid"))).status).toBe(400);
});
