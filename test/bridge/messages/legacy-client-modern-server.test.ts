import { describe, expect, test } from "bun:test";
import {
  envelopeMembers,
  hasListNotifications,
  initializeResult,
  inputRequiredOf,
  listenRequest,
  retryOf,
  toLegacyAnswer,
  toLegacyNotification,
  toModernRequest,
  toServerRequest,
} from "../../../src/bridge/messages/legacy-client-modern-server.ts";
import { type Identity, identityOfDiscover, identityOfInitialize } from "../../../src/link/identity.ts";

const text = (line: Buffer): string => line.toString();

function modern(capabilities: object, more: object = {}): Identity {
  const identity = identityOfDiscover({ supportedVersions: ["2026-07-28"], capabilities, ...more });
  if (identity === undefined) throw new Error("no identity");
  return identity;
}

describe("a legacy client's request on its way to a modern server", () => {
  test.each([
    ['{"id":1}', '{"params":{"_meta":{E}},"id":1}'],
    ['{"id":1,"params":{}}', '{"id":1,"params":{"_meta":{E}}}'],
    ['{"params" : { "a":1e400 } , "id":1}', '{"params" : {"_meta":{E}, "a":1e400 } , "id":1}'],
    ['{"params":{"_meta":{}}}', '{"params":{"_meta":{E}}}'],
    ['{"params":{"_meta":{"progressToken":"}"}}}', '{"params":{"_meta":{E,"progressToken":"}"}}}'],
    // What is wrong stays wrong: the server says so.
    ['{"params":[1]}', '{"params":[1]}'],
    ['{"params":null}', '{"params":null}'],
  ])("%s", (line, expected) => {
    expect(text(toModernRequest(Buffer.from(line), "E"))).toBe(expected);
  });

  test("carries a log level when there is one", () => {
    const client = { clientInfo: '{"name":"n"}', capabilities: "{}" };
    const members = (level?: "error") => JSON.parse(`{${envelopeMembers(client, level)}}`);
    expect(members("error")).toEqual({ ...members(), "io.modelcontextprotocol/logLevel": "error" });
  });

  test("is repeated with answers and state, in the bytes that the server gave them", () => {
    const line = Buffer.from('{"id":1,"params":{"name":"x"}}');
    const responses = new Map([['k"', '{"n":1.0}']]);
    expect(text(retryOf(line, responses, '"s\\u0041"'))).toBe(
      '{"id":1,"params":{"inputResponses":{"k\\"":{"n":1.0}},"requestState":"s\\u0041","name":"x"}}',
    );
    expect(text(retryOf(line, new Map(), undefined))).toBe(text(line));
  });
});

describe("what a modern server wants to know", () => {
  const read = (result: string) => inputRequiredOf(Buffer.from(`{"id":1,"result":${result}}`));

  test("is read with the bytes of its params and state", () => {
    const found = read(
      '{"inputRequests":{"a":{"method":"roots/list"},"b\\n":{"params":{"n":1.0},"method":"x\\/y"},"c":{}},"requestState":"s\\u0041","resultType":"input_required"}',
    );
    expect([...(found?.requests ?? [])]).toEqual([
      ["a", { method: "roots/list", params: "{}" }],
      ["b\n", { method: "x/y", params: '{"n":1.0}' }],
    ]);
    expect(found?.requestState).toBe('"s\\u0041"');
  });

  test("may be to be asked again, and nothing else", () => {
    const found = read('{"resultType":"input_required","requestState":"s"}');
    expect([found?.requests.size, found?.requestState]).toEqual([0, '"s"']);
  });

  test("has no state when the state is null, and one when it is the text of that name", () => {
    const found = read('{"resultType":"input_required","requestState":null,"inputRequests":{"a":{"method":"x"}}}');
    expect([found?.requests.size, found?.requestState]).toEqual([1, undefined]);
    expect(read('{"resultType":"input_required","requestState":"null"}')?.requestState).toBe('"null"');
  });

  test("is not seen in a result that only talks of it", () => {
    for (const result of [
      '{"content":[{"resultType":"input_required"}]}',
      '{"resultType":"complete","text":"\\"input_required\\""}',
      '"input_required"',
    ])
      expect(read(result)).toBeUndefined();
    expect(inputRequiredOf(Buffer.from('{"id":1,"error":{"message":"input_required"}}'))).toBeUndefined();
  });

  test("has a bound, which is no reason to fail", () => {
    const requests = Array.from({ length: 100 }, (_, n) => `"${n}":{"method":"roots/list"}`).join(",");
    expect(read(`{"resultType":"input_required","inputRequests":{${requests}}}`)?.requests.size).toBe(64);
  });

  test("becomes a request of a legacy server; a URL's has an id, as it must", () => {
    expect(text(toServerRequest('"x"', "a/\n", "{}"))).toBe('{"jsonrpc":"2.0","id":"x","method":"a/\\n","params":{}}');
    const url = JSON.parse(text(toServerRequest("1", "elicitation/create", '{"mode":"url","url":"u"}')));
    expect(url.params).toMatchObject({ mode: "url", url: "u", elicitationId: expect.any(String) });
    const given = '{"mode":"url","elicitationId":"mine"}';
    expect(text(toServerRequest("1", "elicitation/create", given))).toContain(given);
    expect(text(toServerRequest("1", "elicitation/create", '{"mode":"form"}'))).not.toContain("elicitationId");
  });
});

describe("a modern server's answer on its way to a legacy client", () => {
  test.each([
    ['{"resultType":"complete","n":1.0,"ttlMs":1,"cacheScope":"x"}', '{"n":1.0}'],
    ['{"tools":[{"ttlMs":1}]}', '{"tools":[{"ttlMs":1}]}'],
    ['{"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{}}}', '{"_meta":{"a":1}}'],
    ["[]", "[]"],
    ["null", "null"],
  ])("%s", (result, expected) => {
    expect(text(toLegacyAnswer(Buffer.from(`{"id":1,"result":${result}}`), "x"))).toBe(`{"id":1,"result":${expected}}`);
  });

  test.each([['"complete"'], ['"\\u0063omplete"'], ["null"]])("of the type %s is the method's result", (type) => {
    const line = Buffer.from(`{"id":1,"result":{"n":1.0,"resultType":${type}}}`);
    expect(text(toLegacyAnswer(line, "tools/call"))).toBe('{"id":1,"result":{"n":1.0}}');
  });

  test.each(['"task"', '"input_requirer"', '""', "1", '{"a":1}', "true"])(
    "of the type %s is an error that names it, for the same request",
    (type) => {
      const line = Buffer.from(`{"jsonrpc":"2.0","id":9007199254740993,"result":{"task":{},"resultType":${type}}}`);
      const answer = text(toLegacyAnswer(line, "tools/call"));
      expect(answer).toStartWith('{"jsonrpc":"2.0","id":9007199254740993,');
      const { result, error } = JSON.parse(answer);
      expect(result).toBeUndefined();
      expect(error.code).toBe(-32603);
      expect(error.message).toContain(`type ${type}`);
    },
  );

  test("of a type with a long name is an error that is not as long", () => {
    const line = Buffer.from(`{"id":1,"result":{"resultType":"${"x".repeat(100_000)}"}}`);
    expect(toLegacyAnswer(line, "tools/call").length).toBeLessThan(500);
  });

  test("has the code that a missing resource had, and no other error's code is touched", () => {
    const code = (method: string, error: object) =>
      JSON.parse(text(toLegacyAnswer(Buffer.from(JSON.stringify({ error })), method))).error.code;
    expect(code("resources/read", { code: -32602, data: { uri: "u" } })).toBe(-32002);
    expect(code("resources/read", { code: -32602 })).toBe(-32602);
    expect(code("resources/read", { code: -32603, data: { uri: "u" } })).toBe(-32603);
    expect(code("tools/call", { code: -32602, data: { uri: "u" } })).toBe(-32602);
  });

  test("a notification keeps all but the subscription's id", () => {
    const line = '{"method":"x","params":{"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":0,"a":1}}}';
    expect(text(toLegacyNotification(Buffer.from(line)))).toBe('{"method":"x","params":{"uri":"u","_meta":{"a":1}}}');
    expect(text(toLegacyNotification(Buffer.from('{"method":"x"}')))).toBe('{"method":"x"}');
  });
});

describe("the handshake that the proxy plays", () => {
  test("agrees on the client's revision if there is such a one with sessions, else offers the newest", () => {
    const revision = (asked: unknown) => JSON.parse(initializeResult(modern({}), asked, "s")).protocolVersion;
    expect(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"].map(revision)).toEqual([
      "2024-11-05",
      "2025-03-26",
      "2025-06-18",
      "2025-11-25",
    ]);
    expect(["2026-07-28", "1999-01-01", 1, undefined].map(revision)).toEqual(Array(4).fill("2025-11-25"));
  });

  test("tells what legacy clients know, and hands a legacy server's own answer on", () => {
    const server = modern({ tools: { listChanged: true }, extensions: { x: {} } }, { instructions: "do" });
    expect(JSON.parse(initializeResult(server, "2025-11-25", "s"))).toEqual({
      protocolVersion: "2025-11-25",
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: "s", version: "unknown" },
      instructions: "do",
    });
    const own = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "n" }, more: [1] };
    const legacy = identityOfInitialize(own);
    expect(legacy && JSON.parse(initializeResult(legacy, "2025-11-25", "s"))).toEqual(own);
  });

  test("listens to what the server has to tell", () => {
    const all = modern({ tools: { listChanged: true }, prompts: {}, resources: { listChanged: true } });
    const wanted = (identity: Identity, uris: readonly string[]) =>
      JSON.parse(text(listenRequest(identity, uris, ""))).params.notifications;
    expect(wanted(all, [])).toEqual({ toolsListChanged: true, resourcesListChanged: true });
    expect(wanted(modern({}), ["u"])).toEqual({ resourceSubscriptions: ["u"] });
    expect([all, modern({ tools: { listChanged: "yes" }, prompts: true })].map(hasListNotifications)).toEqual([
      true,
      false,
    ]);
  });
});
