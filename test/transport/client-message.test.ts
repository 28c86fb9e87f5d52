import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";

const scan = createJsonScanner(8);
const read = (body: string | Buffer) => readClientMessage(Buffer.from(body), scan);

test("a message over many lines becomes one line, with the same strings", () => {
  const { line, message } = read('{\r\n"jsonrpc":"2.0",\n"method":"x",\n"params":{"text":"a\\r\\nb"}\n}\n');
  expect(line.toString()).toBe('{  "jsonrpc":"2.0", "method":"x", "params":{"text":"a\\r\\nb"} } ');
  expect(message).toEqual({ kind: "notification", method: "x" });
});

describe("refused are", () => {
  test.each<[string, string | Buffer, string, RegExp]>([
    ["bytes that are not UTF-8", Buffer.of(0x22, 0xff, 0x22), "invalid_json", /UTF-8/],
    ["text that is not JSON", "{", "invalid_json", /valid JSON/],
    ["nothing", "", "invalid_json", /valid JSON/],
    ["a value nested too deeply", `{"a":${"[".repeat(8)}${"]".repeat(8)}}`, "invalid_request", /deep/],
    ["a scalar", "1", "invalid_request", /object/],
    ["a batch", '[{"jsonrpc":"2.0","method":"x"}]', "invalid_request", /one JSON-RPC 2.0 message/],
    ["a member that comes twice", '{"jsonrpc":"2.0","jsonrpc":"2.0","method":"x"}', "invalid_request", /twice/],
    ["another protocol", '{"method":"x"}', "invalid_request", /JSON-RPC 2.0/],
    ["an id that is none", '{"jsonrpc":"2.0","id":null,"method":"x"}', "invalid_request", /id/],
  ])("%s", (_, body, code, words) => {
    try {
      read(body);
      throw new Error("it was taken");
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      expect(error.code as string).toBe(code);
      expect(error.message).toMatch(words);
    }
  });
});
