import { describe, expect, test } from "bun:test";
import { requestDigest } from "../../../src/bridge/messages/request-digest.ts";

const digest = (params: string, method = "tools/call"): string =>
  requestDigest(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`), method);

describe("the digest of a request", () => {
  test.each([
    [
      "the order of names",
      '{"name":"a","arguments":{"x":1,"y":{"b":1,"a":[]}}}',
      '{"arguments":{"y":{"a":[],"b":1},"x":1},"name":"a"}',
    ],
    ["spacing and spelling", '{"name":"é","arguments":{"x":10}}', '{ "name" : "\\u00e9","arguments":{"x":1e1} }'],
    [
      "what only a retry has",
      '{"name":"a"}',
      '{"name":"a","inputResponses":{"k":{}},"requestState":"s","_meta":{"x":1}}',
    ],
  ])("does not depend on %s", (_, one, other) => {
    expect(digest(one)).toBe(digest(other));
  });

  test.each([
    ["another value", '{"a":1}', '{"a":2}'],
    ["a text for a number", '{"a":1}', '{"a":"1"}'],
    ["a name more", '{"a":1}', '{"a":1,"b":null}'],
    ["a list in another order", '{"a":[1,2]}', '{"a":[2,1]}'],
    ["a list of pairs for an object", '{"a":{"b":1}}', '{"a":[["b",1]]}'],
    ["an empty list for an empty object", '{"a":{}}', '{"a":[]}'],
    ["an object that looks like another's digest", '{"a":{"b":1}}', '{"a":{"members":[["b",1]]}}'],
    ["a value under __proto__", '{"a":{"__proto__":1}}', '{"a":{"__proto__":2}}'],
    ["null for nothing", '{"a":null}', "{}"],
    ["what a retry has, deeper down", '{"a":{"requestState":1}}', '{"a":{}}'],
  ])("is another one for %s", (_, one, other) => {
    expect(digest(one)).not.toBe(digest(other));
  });

  test("is another one for another method, and is there without params", () => {
    expect(digest("{}", "tools/call")).not.toBe(digest("{}", "prompts/get"));
    const bare = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call"}');
    expect(requestDigest(bare, "tools/call")).toBe(digest("{}"));
  });
});
