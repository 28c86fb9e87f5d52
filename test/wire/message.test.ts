import { describe, expect, test } from "bun:test";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { errorAnswer, idKey, type Message, type MessageFlaw, readMessage } from "../../src/wire/message.ts";

const scan = createJsonScanner(64);
const read = (text: string): Message | MessageFlaw => readMessage(Buffer.from(text), scan);

describe("the key of an id", () => {
  test.each([
    ["1", "1"],
    ['"1"', '"1"'],
    ["1.0", "1"],
    ["1e0", "1"],
    ["10E-1", "1"],
    ["-0", "0"],
    ["-7", "-7"],
    ["9007199254740991", "9007199254740991"],
    ["9007199254740992", "9007199254740992"],
    ["9007199254740993", "9007199254740993"],
    ["1e400", "1e400"],
    ["0.5", "0.5"],
    ['""', '""'],
    ['"a\\"b"', '"a"b"'],
    ['"\\u0061"', '"a"'],
    ['"é"', '"é"'],
  ])("of %s is %s", (raw, key) => {
    expect(idKey(raw)).toBe(key);
  });

  test.each(["null", "true", "false", "{}", "[1]"])("there is none for %s", (raw) => {
    expect(idKey(raw)).toBeUndefined();
  });

  test("integers that a double cannot tell apart are different ids", () => {
    expect(idKey("9007199254740992")).not.toBe(idKey("9007199254740993"));
  });
});

describe("a message", () => {
  test("with a method and an id is a request, whatever the order, and its id is kept as it was written", () => {
    expect(read('{"id":9007199254740993,"params":{"id":1},"method":"tools/call","jsonrpc":"2.0"}')).toEqual({
      kind: "request",
      id: "9007199254740993",
      rawId: "9007199254740993",
      method: "tools/call",
    });
    expect(read('{"jsonrpc":"2.0","id" : "a\\"b" ,"method":"x"}')).toMatchObject({ id: '"a"b"', rawId: '"a\\"b"' });
  });

  test("with a method alone is a notification; escapes in the method are read", () => {
    expect(read('{"jsonrpc":"2.0","method":"notifications\\/cancelled"}')).toEqual({
      kind: "notification",
      method: "notifications/cancelled",
    });
  });

  test("with a result or an error is a response; one about a request that could not be read has no id", () => {
    expect(read('{"jsonrpc":"2.0","id":1,"result":{}}')).toEqual({ kind: "response", id: "1" });
    expect(read('{"jsonrpc":"2.0","id":1.0,"result":{}}')).toEqual({ kind: "response", id: "1", rawId: "1.0" });
    expect(read('{"jsonrpc":"2.0","id":"a","error":{}}')).toEqual({ kind: "response", id: '"a"', isError: true });
    expect(read('{"jsonrpc":"2.0","error":{}}')).toEqual({ kind: "response", id: "null", isError: true });
  });

  test("with members that are null is to be looked at more closely, unless that has been done", () => {
    const readAll = (text: string) => readMessage(Buffer.from(text), scan, true);
    for (const [text, message] of [
      ['{"jsonrpc":"2.0","id":1,"result":null}', { kind: "response", id: "1" }],
      ['{"jsonrpc":"2.0","id":null,"error":{}}', { kind: "response", id: "null", isError: true }],
      ['{"jsonrpc":"2.0","method":"x","params":null}', { kind: "notification", method: "x" }],
      ['{"jsonrpc":"2.0","id":null,"method":"x"}', "bad-id"],
      ['{"jsonrpc":"2.0","id":1,"method":"x","result":null}', "not-jsonrpc"],
    ] as const) {
      expect(read(text)).toBe("null-members");
      expect(readAll(text)).toEqual(message);
    }
    // Deeper down they are nobody's business.
    expect(read('{"jsonrpc":"2.0","id":1,"result":{"id":null}}')).toEqual({ kind: "response", id: "1" });
  });

  test("the text null is an id like any other text", () => {
    expect(read('{"jsonrpc":"2.0","id":"null","result":{}}')).toEqual({ kind: "response", id: '"null"' });
  });

  test.each<[string, string, MessageFlaw]>([
    ["no version", '{"id":1,"method":"x"}', "not-jsonrpc"],
    ["another version", '{"jsonrpc":"1.0","id":1,"method":"x"}', "not-jsonrpc"],
    ["the version as a number", '{"jsonrpc":2.0,"id":1,"method":"x"}', "not-jsonrpc"],
    ["a method that is no text", '{"jsonrpc":"2.0","id":1,"method":1}', "not-jsonrpc"],
    ["a method and a result", '{"jsonrpc":"2.0","id":1,"method":"x","result":{}}', "not-jsonrpc"],
    ["a method and an error", '{"jsonrpc":"2.0","method":"x","error":{}}', "not-jsonrpc"],
    ["neither", '{"jsonrpc":"2.0","id":1}', "not-jsonrpc"],
    ["a result and an error", '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', "not-jsonrpc"],
    ["a request with a boolean for an id", '{"jsonrpc":"2.0","id":true,"method":"x"}', "bad-id"],
    ["a request with an object for an id", '{"jsonrpc":"2.0","id":{"a":1},"method":"x"}', "bad-id"],
    ["a batch", '[{"jsonrpc":"2.0","id":1,"method":"x"}]', "array"],
  ])("%s is none", (_, text, flaw) => {
    expect(read(text)).toBe(flaw);
  });

  test("bytes that are not UTF-8 are none, wherever they stand", () => {
    const bytes = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), Buffer.of(0xc3, 0x28), Buffer.from('"}')]);
    expect(readMessage(bytes, scan)).toBe("not-utf8");
  });
});

test("an answer of the proxy's own repeats the id's own text", () => {
  const text = errorAnswer('"a\\"b"', -32001, "too late", { code: "child_timeout" });
  expect(JSON.parse(text)).toEqual({
    jsonrpc: "2.0",
    id: 'a"b',
    error: { code: -32001, message: "too late", data: { code: "child_timeout" } },
  });
});
