import { describe, expect, test } from "bun:test";
import { paramsFlaw, progressTokenFlaw } from "../../src/wire/param-types.ts";

const line = (params: string): Buffer => Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"m","params":${params}}`);

describe("the types of a request's params", () => {
  test.each([
    ["tools/call", '{"name":{"toString":1}}', "params.name must be a string, not an object."],
    ["prompts/get", '{"name":["a"]}', "params.name must be a string, not a list."],
    ["resources/read", '{"uri":{"toString":1}}', "params.uri must be a string, not an object."],
    ["resources/read", '{"uri":1}', "params.uri must be a string, not a number."],
    // Of two members of a name, which one counts is not the same everywhere.
    ["resources/read", '{"uri":{},"uri":"a:b"}', "params.uri must be a string, not an object."],
    ["tools/call", '{"requestState":{}}', "params.requestState must be a string, not an object."],
    ["tools/call", '{"inputResponses":[]}', "params.inputResponses must be an object, not a list."],
    [
      "tools/call",
      '{"inputResponses":{"a":true}}',
      "each of params.inputResponses must be an object, not true or false.",
    ],
    [
      "any",
      '{"_meta":{"progressToken":{"toString":1}}}',
      "params._meta.progressToken must be a string or a number, not an object.",
    ],
    ["subscriptions/listen", '{"notifications":[]}', "params.notifications must be an object, not a list."],
    [
      "subscriptions/listen",
      '{"notifications":{"resourceSubscriptions":[{"toString":1}]}}',
      "params.notifications.resourceSubscriptions must be a list of strings.",
    ],
    ["any", "[1]", "params must be an object, not a list."],
    ["any", '"x"', "params must be an object, not a string."],
  ])("of %s are wrong: %s", (method, params, flaw) => {
    expect(paramsFlaw(line(params), method)).toBe(flaw);
  });

  test.each([
    ["any", "null"],
    ["tools/call", '{"name":"a","arguments":{"uri":{}},"requestState":null,"inputResponses":null,"_meta":null}'],
    ["tools/call", '{"inputResponses":{"a":{},"b":{"c":1}},"requestState":"s"}'],
    // What the proxy does not read is the server's to judge.
    ["tools/call", '{"uri":{},"arguments":[]}'],
    ["completion/complete", '{"name":{},"notifications":1}'],
    ["any", '{"_meta":{"progressToken":-1.5e3}}'],
    ["any", '{"_meta":{"progressToken":null}}'],
    ["subscriptions/listen", '{"notifications":{"resourceSubscriptions":null,"toolsListChanged":1}}'],
  ])("of %s are right: %s", (method, params) => {
    expect(paramsFlaw(line(params), method)).toBeUndefined();
  });

  test("may be left out", () => {
    const bare = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    expect([paramsFlaw(bare, "tools/list"), progressTokenFlaw(bare)]).toEqual([undefined, undefined]);
  });
});
