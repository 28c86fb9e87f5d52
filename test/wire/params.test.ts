import { describe, expect, test } from "bun:test";
import { cancelledRequestOf, reportedProgressOf, wantedProgressOf } from "../../src/wire/params.ts";

const message = (params: string): Buffer => Buffer.from(`{"jsonrpc":"2.0","method":"x","params":${params}}`);
const wanted = (params: string): string | undefined => wantedProgressOf(message(params));
const reported = (params: string): string | undefined => reportedProgressOf(message(params));
const cancelled = (params: string): string | undefined => cancelledRequestOf(message(params));

const TOKENS = [
  ['"a"', '"a"'],
  ["7", "7"],
  ["7.0", "7"],
  ["0", "0"],
  ["9007199254740993", "9007199254740993"],
  ['"a\\"b"', '"a"b"'],
] as const;
const NO_TOKENS = ["null", "true", '{"progressToken":1}', "[1]"];

describe("the progress token that a request wants", () => {
  test.each(TOKENS)("of %s is %s", (token, key) => {
    expect(wanted(`{"_meta":{"progressToken":${token}}}`)).toBe(key);
  });

  test.each([
    ...NO_TOKENS.map((token) => `{"_meta":{"progressToken":${token}}}`),
    ...[
      "{}",
      "[]",
      '{"_meta":[]}',
      '{"progressToken":1}',
      '{"arguments":{"progressToken":1}}',
      '{"text":"progressToken"}',
    ],
  ])("there is none in %s", (params) => {
    expect(wanted(params)).toBeUndefined();
  });

  test("is the one of _meta, whatever else has its name", () => {
    expect(wanted('{"progressToken":1,"_meta":{"progressToken":2}}')).toBe("2");
  });

  test("one outside of params is none", () => {
    expect(wantedProgressOf(Buffer.from('{"jsonrpc":"2.0","method":"x","_meta":{"progressToken":1}}'))).toBeUndefined();
  });

  test("1 and the text 1 are different tokens", () => {
    expect(wanted('{"_meta":{"progressToken":1}}')).not.toBe(wanted('{"_meta":{"progressToken":"1"}}'));
  });
});

describe("the progress token of a report", () => {
  test.each(TOKENS)("of %s is %s", (token, key) => {
    expect(reported(`{"progressToken":${token},"progress":1}`)).toBe(key);
  });

  test.each([...NO_TOKENS.map((token) => `{"progressToken":${token}}`), "{}", "[]", '{"_meta":{"progressToken":1}}'])(
    "there is none in %s",
    (params) => {
      expect(reported(params)).toBeUndefined();
    },
  );
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
