import { describe, expect, test } from "bun:test";
import {
  inputResponsesOf,
  toInputRequest,
  toLegacyRequest,
  toModernAnswer,
  urlElicitationsOf,
  withMissingUri,
  withSubscriptionId,
} from "../../../src/bridge/messages/modern-client-legacy-server.ts";
import { identityOfInitialize } from "../../../src/link/identity.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const META = "io.modelcontextprotocol/";
const identity = identityOfInitialize({ protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s" } });
if (identity === undefined) throw new Error("no identity");

describe("a request for a legacy server", () => {
  test.each([
    [
      `{"name":"a","_meta":{"${META}protocolVersion":"x","${META}clientCapabilities":{},"${META}logLevel":"info"}}`,
      '{"name":"a","_meta":{}}',
    ],
    [
      `{"_meta":{"${META}clientInfo":{},"progressToken":9007199254740993,"own":1,"own":2}}`,
      '{"_meta":{"progressToken":9007199254740993,"own":1,"own":2}}',
    ],
    ['{"requestState":"s","name":"a","inputResponses":{"k":{}}}', '{"name":"a"}'],
    ['{"arguments":{"requestState":"s","inputResponses":1}}', '{"arguments":{"requestState":"s","inputResponses":1}}'],
    ['{"n":1e3,"n":-0,"_meta":null}', '{"n":1e3,"n":-0,"_meta":null}'],
  ])("has the params %s as %s", (given, taken) => {
    const line = (params: string) => `{"jsonrpc":"2.0","id":9007199254740993,"method":"m","params":${params}}`;
    expect(toLegacyRequest(bytes(line(given))).toString()).toBe(line(taken));
  });

  test.each([
    '{"jsonrpc":"2.0","id":1,"method":"m"}',
    '{"jsonrpc":"2.0","id":1,"method":"m","params":[]}',
    '{"jsonrpc":"2.0","id":1,"method":"m","params":null}',
  ])("is left alone where it has no such params: %s", (line) => {
    expect(toLegacyRequest(bytes(line)).toString()).toBe(line);
  });
});

describe("an answer of a legacy server", () => {
  const answered = (result: string, method = "tools/call"): unknown =>
    JSON.parse(toModernAnswer(bytes(`{"jsonrpc":"2.0","id":1,"result":${result}}`), method, identity).toString())
      .result;
  const info = { [`${META}serverInfo`]: { name: "s" } };

  test.each([
    ["{}", { resultType: "complete", _meta: info }],
    ['{"_meta":{}}', { resultType: "complete", _meta: info }],
    ['{"_meta":{"a":1}}', { resultType: "complete", _meta: { ...info, a: 1 } }],
    ['{"_meta":null}', { resultType: "complete", _meta: null }],
    ['{"resultType":"other"}', { resultType: "other", _meta: info }],
  ])("%s says what a modern one says", (given, expected) => {
    expect(answered(given)).toEqual(expected);
  });

  test.each(["null", "true", "1", '"text"', "[]", "[1]"])("that is %s, which is no result, stays as it is", (given) => {
    expect(answered(given)).toEqual(JSON.parse(given));
  });

  test("is stale at once, unless it says otherwise", () => {
    expect(answered("{}", "tools/list")).toMatchObject({ ttlMs: 0, cacheScope: "private" });
    expect(answered('{"ttlMs":5}', "tools/list")).toMatchObject({ ttlMs: 5, cacheScope: "private" });
    expect(answered("{}", "tools/call")).not.toHaveProperty("ttlMs");
  });

  test("that a resource is not there has the modern code and says which, and any other error stays", () => {
    const error = (text: string, method = "resources/read") => {
      const answer = toModernAnswer(bytes(`{"jsonrpc":"2.0","id":1,"error":${text}}`), method, identity);
      return JSON.parse(withMissingUri(answer, 'a"b').toString()).error;
    };
    expect(error('{"code":-32002,"message":"m"}')).toEqual({ code: -32602, message: "m", data: { uri: 'a"b' } });
    expect(error('{"code":-32002,"message":"m","data":{"uri":"x"}}').data).toEqual({ uri: "x" });
    expect(error('{"code":-32002,"message":"m","data":null}').data).toBeNull();
    expect(error('{"code":-32603,"message":"m"}')).toEqual({ code: -32603, message: "m" });
    expect(error('{"code":-32002,"message":"m"}', "tools/call").code).toBe(-32002);
  });
});

test.each([
  '"code":-32042,"message":"visit","data":{"elicitations":[]}',
  '"message":"visit","data":{"elicitations":[{"mode":"url"}]},"code":-32042',
  '"code":-32042.0,"message":"visit"',
])("the error {%s}, which names no URL, has a code that 2026-07-28 has, and the server's own words", (error) => {
  for (const method of ["tools/call", "resources/read"]) {
    const answer = toModernAnswer(bytes(`{"jsonrpc":"2.0","id":1,"error":{${error}}}`), method, identity);
    expect(JSON.parse(answer.toString())).toMatchObject({ id: 1, error: { code: -32603, message: "visit" } });
  }
});

describe("what a legacy server asks", () => {
  test.each([
    ["{}", "{}"],
    ['{"message":"m","elicitationId":"x","task":{"ttl":1}}', '{"message":"m"}'],
    ['{"n":9007199254740993,"n":1,"nested":{"task":1}}', '{"n":9007199254740993,"n":1,"nested":{"task":1}}'],
    ["null", "{}"],
    ["[]", "{}"],
  ])("with the params %s is put as %s", (given, put) => {
    const line = bytes(`{"jsonrpc":"2.0","id":1,"method":"roots/list","params":${given}}`);
    expect(toInputRequest(line, "roots/list")).toBe(`{"method":"roots/list","params":${put}}`);
  });

  test("is answered by the objects that the client brings, under names of any kind, and by nothing else", () => {
    const line = bytes(
      '{"params":{"inputResponses":{"a":{"n":9007199254740993},"b":1,"c":null,"d":[],"__proto__":{"x":1},"a":{"m":1}}}}',
    );
    expect([...inputResponsesOf(line)]).toEqual([
      ["a", '{"m":1}'],
      ["__proto__", '{"x":1}'],
    ]);
    for (const odd of ["null", "[]", "1", '"x"'])
      expect(inputResponsesOf(bytes(`{"params":{"inputResponses":${odd}}}`)).size).toBe(0);
  });

  test.each([
    ['{"code":-32042,"data":{"elicitations":[{"mode":"url","url":"https://x","message":"m","elicitationId":"e"}]}}', 1],
    ['{"code":-32042.0,"data":{"elicitations":[{"url":"u","message":"m"},{"url":"v","message":""}]}}', 2],
    ['{"code":-32042,"message":"m","data":{"elicitations":[null,1]}}', undefined],
    ['{"code":-32042,"message":"m","data":{"elicitations":[{"url":"u","message":"m"},{"message":"m"}]}}', undefined],
    ['{"code":-32042,"message":"m","data":{"elicitations":[{"url":["u"],"message":"m"}]}}', undefined],
    ['{"code":-32042,"message":"m","data":{"elicitations":[{"url":"u"}]}}', undefined],
    ['{"code":-32042,"message":"m","data":{"elicitations":[]}}', undefined],
    ['{"code":-32042,"message":"m","data":{"elicitations":{}}}', undefined],
    ['{"code":-32042,"message":"m"}', undefined],
    ['{"code":-32041,"message":"m","data":{"elicitations":[{}]}}', undefined],
  ])("as the error %s is so many URLs to visit", (error, count) => {
    const found = urlElicitationsOf(bytes(`{"jsonrpc":"2.0","id":1,"error":${error}}`));
    expect(found?.length).toBe(count);
    for (const text of found ?? []) {
      expect(JSON.parse(text)).toMatchObject({ method: "elicitation/create", params: { mode: "url" } });
      expect(text).not.toContain("elicitationId");
    }
  });
});

test.each([
  ['{"jsonrpc":"2.0","method":"n"}'],
  ['{"jsonrpc":"2.0","method":"n","params":{}}'],
  ['{"jsonrpc":"2.0","method":"n","params":null}'],
  ['{"jsonrpc":"2.0","method":"n","params":7}'],
  ['{"jsonrpc":"2.0","method":"n","params":{"a":{"_meta":1}}}'],
  ['{"jsonrpc":"2.0","method":"n","params":{"_meta":null}}'],
  ['{"jsonrpc":"2.0","method":"n","params":{"_meta":{"a":"}"}}}'],
  ['  { "method" : "n", "params" : { "_meta" : { } } }  '],
])("the notification %s is valid JSON with the subscription's id", (line) => {
  for (const rawId of ["1", '"a\\"b"', "9007199254740993"]) {
    const text = withSubscriptionId(bytes(line), rawId).toString();
    expect(text).toContain(`"${META}subscriptionId":${rawId}`);
    expect(JSON.parse(text).params._meta).toHaveProperty([`${META}subscriptionId`], JSON.parse(rawId));
  }
});
