import { describe, expect, test } from "bun:test";
import { withSoundError } from "../../src/wire/error-shape.ts";

const sound = (error: string) => {
  const line = Buffer.from(`{"jsonrpc":"2.0","id":1.0,"error":${error}}`);
  const made = withSoundError(line).toString();
  return made.slice('{"jsonrpc":"2.0","id":1.0,"error":'.length, -1);
};

describe("an error", () => {
  test.each([
    '{"code":-32601,"message":"Method not found"}',
    '{ "code" : -32000.0 , "message" : "" , "data" : 1e400, "code2": null }',
    '{"message":"é","code":0}',
  ])("that is sound stays as it is: %s", (error) => {
    expect(sound(error)).toBe(error);
  });

  test.each([
    ['"boom"', { code: -32603, message: "boom" }],
    ['{"code":"-32601","message":"no"}', { code: -32601, message: "no" }],
    ['{"code":"-32601","message":"no","data":{"a":1}}', { code: -32601, message: "no", data: { a: 1 } }],
    [
      '{"code":"ENOENT","message":"no file"}',
      { code: -32603, message: "no file", data: { serverError: { code: "ENOENT", message: "no file" } } },
    ],
    ['{"message":"no"}', { code: -32603, message: "no" }],
    ['{"code":null,"message":"no"}', { code: -32603, message: "no" }],
    [
      '{"code":-32000}',
      { code: -32000, message: "The server gave no reason.", data: { serverError: { code: -32000 } } },
    ],
    [
      '{"code":1.5,"message":["a"]}',
      {
        code: -32603,
        message: "The server gave no reason.",
        data: { serverError: { code: 1.5, message: ["a"] } },
      },
    ],
    ["true", { code: -32603, message: "The server gave no reason.", data: { serverError: true } }],
    ["{}", { code: -32603, message: "The server gave no reason.", data: { serverError: {} } }],
    ["[1]", { code: -32603, message: "The server gave no reason.", data: { serverError: [1] } }],
  ])("of another form gets the form that clients insist on: %s", (error, expected) => {
    expect(JSON.parse(sound(error))).toEqual(expected);
  });
});
