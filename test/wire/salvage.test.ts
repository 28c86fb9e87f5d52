import { describe, expect, test } from "bun:test";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { salvage } from "../../src/wire/salvage.ts";

const scan = createJsonScanner(64);
const A = '{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}';
const B = '{"jsonrpc":"2.0","id":"b","error":{"code":-1,"message":"no"}}';
const LOG = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}';
const PING = '{"jsonrpc":"2.0","id":9,"method":"ping"}';

function made(text: string | Buffer): readonly string[] {
  const { pieces, open } = salvage(Buffer.from(text), scan);
  const seen = pieces.map((piece) => {
    if (piece.kind === "message") return piece.line.toString();
    if (piece.kind === "text") return `text: ${piece.bytes.toString()}`;
    return `broken: ${piece.id} ${piece.flaw} ${piece.isSure ? "sure" : "unsure"}`;
  });
  return open === undefined ? seen : [...seen, `open: ${open.bytes.toString()} ${open.isSure ? "sure" : "unsure"}`];
}

describe("a message", () => {
  test.each([
    ["behind a byte-order mark", `\ufeff${A}`],
    ["behind two, in the middle of a stream", `\ufeff\ufeff${A}\ufeff`],
    ["in colours", `\u001b[32m${A}\u001b[0m`],
    ["behind a NUL", `\0${A}\0`],
    ["in an array", `[${A}]`],
  ])("%s is that message", (_, text) => {
    expect(made(text)).toEqual([A]);
  });

  test("beside others, on one line or in an array, is one of them, in order", () => {
    expect(made(`${A}${B}`)).toEqual([A, B]);
    expect(made(`${A}\r${B} ${PING}`)).toEqual([A, B, PING]);
    expect(made(`[ ${A} , ${B} , ${PING} ]`)).toEqual([A, B, PING]);
  });

  test("in other text is taken if it can be the server's own", () => {
    expect(made(`[12:00:01] INFO ${A}`)).toEqual(["text: [12:00:01] INFO ", A]);
    expect(made(`INFO ${LOG}`)).toEqual(["text: INFO ", LOG]);
    expect(made(`received ${PING}`)).toEqual([`text: received ${PING}`]);
    expect(made('received {"jsonrpc":"2.0","method":"notifications/initialized"}').length).toBe(1);
    expect(made(`${PING} trailing`)).toEqual([PING, "text:  trailing"]);
    expect(made(`set {x} and {"a": ${A}`)).toEqual(['text: set {x} and {"a": ', A]);
  });

  test("that an entry of a log in JSON quotes is none", () => {
    const entry = `{"level":"info","message":${A}}`;
    expect(made(entry)).toEqual([`text: ${entry}`]);
    const request = '{"time":1,"id":7,"result":"ok","msg":"done"}';
    expect(made(request).some((piece) => piece === request)).toBe(false);
  });
});

describe("what can mean one thing only", () => {
  test.each([
    ["no version", '{"id":1,"result":{"n":1.0}}', '{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}'],
    ["another version", '{"jsonrpc":2.0,"id":1,"result":{"n":1.0}}', A],
    ["NaN", '{"jsonrpc":"2.0","id":1,"result":{"n":NaN}}', '{"jsonrpc":"2.0","id":1,"result":{"n":null}}'],
    ["a comma too many", '{"jsonrpc":"2.0","id":1,"result":{"n":1.0,},}', A],
    ["a raw tab", '{"jsonrpc":"2.0","id":1,"result":"a\tb"}', '{"jsonrpc":"2.0","id":1,"result":"a\\u0009b"}'],
    ["null members", '{"jsonrpc":"2.0","id":1,"method":null,"result":{"n":1.0},"error":null}', A],
    [
      "an error that is null",
      '{"jsonrpc":"2.0","id":1,"error":null}',
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"The server gave no reason.","data":{"serverError":null}}}',
    ],
    [
      "an error that is a text",
      '{"jsonrpc":"2.0","id":1,"error":"boom"}',
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"boom"}}',
    ],
    [
      "a notification's id",
      '{"jsonrpc":"2.0","id":null,"method":"notifications/message","params":{"level":"info","data":"x"}}',
      LOG,
    ],
  ])("is put right: %s", (_, text, line) => {
    expect(made(text)).toEqual([line]);
  });

  test("bytes that are no UTF-8 are replaced", () => {
    const line = Buffer.from('{"jsonrpc":"2.0","id":1,"result":"caf\u00e9 au lait"}', "latin1");
    expect(made(line)).toEqual(['{"jsonrpc":"2.0","id":1,"result":"caf\ufffd au lait"}']);
  });
});

describe("an answer that is none", () => {
  test.each([
    ["with broken JSON", '{"jsonrpc":"2.0","id":7,"result":{"a":nope}}', "7 not-json sure"],
    ["with its id behind the flaw", '{"jsonrpc":"2.0","result":{"a":nope},"id":"x"}', '"x" not-json sure'],
    ["with neither", '{"jsonrpc":"2.0","id":7}', "7 not-jsonrpc sure"],
    ["with both", '{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}', "7 not-jsonrpc sure"],
    ["with a member twice", '{"jsonrpc":"2.0","id":7,"result":1,"result":2}', "7 ambiguous sure"],
    ["in another letter case", '{"JsonRpc":"2.0","Id":7,"Result":{}}', "7 ambiguous sure"],
    ["with an id of another type", '{"jsonrpc":"2.0","id":{},"result":{"a":nope}}', "undefined not-json sure"],
    ["printed as Python prints it", "{'jsonrpc': '2.0', 'id': 7, 'result': {'a': None}}", "7 not-json sure"],
    ["quoted in part by a log", 'sent {"jsonrpc":"2.0","id":7,"result":{...}}', "7 not-json unsure"],
  ])("%s tells whose it was", (_, text, broken) => {
    expect(made(text).filter((piece) => !piece.startsWith("text"))).toEqual([`broken: ${broken}`]);
  });

  test.each([
    "{}",
    '{"id":7}',
    '{"level":"error","error":"x"}',
    "{ braces }",
    "[]",
    "{'a': 1}",
    '{"jsonrpc":"2.0","id":7,"method":7}',
  ])("%s is other text", (text) => {
    expect(made(text).every((piece) => piece.startsWith("text"))).toBe(true);
  });
});

test("an answer that breaks off in front of another one leaves the other one whole", () => {
  expect(made(`{"jsonrpc":"2.0","id":7,"resu${A}`)).toEqual(["broken: 7 not-json sure", A]);
});

test("an object that the line does not end may go on", () => {
  expect(made("{")).toEqual(["open: { sure"]);
  expect(made(`${A} {"jsonrpc":`)).toEqual([A, 'open: {"jsonrpc": sure']);
  expect(made("answer: {")).toEqual(["text: answer: ", "open: { unsure"]);
  expect(made("function () { return")).toEqual(["text: function () { return"]);
});

test("brackets without end or sense cost no more than a few passes", () => {
  for (const text of ["{".repeat(500_000), '{"'.repeat(250_000), "{}".repeat(250_000), `${'{"a":'.repeat(100_000)}x`]) {
    const started = performance.now();
    salvage(Buffer.from(text), scan);
    // A pass for each bracket would take hours.
    expect(performance.now() - started).toBeLessThan(30_000);
  }
});
