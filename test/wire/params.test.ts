import { describe, expect, test } from "bun:test";
import { cancelledRequestOf, progressTokenOf } from "../../src/wire/params.ts";

const message = (params: string): Buffer => Buffer.from(`{"jsonrpc":"2.0","method":"x","params":${params}}`);
const progress = (params: string): string | undefined => progressTokenOf(message(params));
const cancelled = (params: string): string | undefined => cancelledRequestOf(message(params));

describe("the progress token", () => {
  test.each([
    ['{"_meta":{"progressToken":"a"}}', '"a"'],
    ['{"_meta":{"progressToken":7}}', "7"],
    ['{"progressToken":7.0,"progress":1}', "7"],
    ['{"progressToken":9007199254740993}', "9007199254740993"],
    ['{"progressToken":"a\\"b"}', '"a"b"'],
    ['{"_meta":{"progressToken":0}}', "0"],
  ])("of %s is %s", (params, token) => {
    expect(progress(params)).toBe(token);
  });

  test.each([
    "{}",
    "[]",
    '{"_meta":[]}',
    '{"_meta":{"progressToken":null}}',
    '{"progressToken":true}',
    '{"progressToken":{"progressToken":1}}',
    '{"arguments":{"progressToken":1}}',
    '{"text":"progressToken"}',
  ])("there is none in %s", (params) => {
    expect(progress(params)).toBeUndefined();
  });

  test("one outside of params is none", () => {
    expect(progressTokenOf(Buffer.from('{"jsonrpc":"2.0","method":"x","progressToken":1}'))).toBeUndefined();
  });

  test("1 and the text 1 are different tokens", () => {
    expect(progress('{"progressToken":1}')).not.toBe(progress('{"progressToken":"1"}'));
  });
});

describe("the request that a cancellation is about", () => {
  test.each([
    ['{"requestId":3}', "3"],
    ['{"requestId":"3","reason":"x"}', '"3"'],
    ['{"requestId":"a\\"b"}', '"a"b"'],
    ['{"requestId":"\\u0061"}', '"a"'],
    ['{"requestId":9007199254740993}', "9007199254740993"],
  ])("of %s has the key %s, as the request itself", (params, key) => {
    expect(cancelled(params)).toBe(key);
  });

  test.each(["{}", "null", '{"requestId":null}', '{"requestId":{}}', '{"requestId":[1]}'])("none in %s", (params) => {
    expect(cancelled(params)).toBeUndefined();
  });
});
