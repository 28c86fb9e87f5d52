import { describe, expect, test } from "bun:test";
import { type BodyFacts, decodeHeaderValue, headerMismatch, type StandardHeaders } from "../../src/wire/mcp-headers.ts";

const encode = (text: string | Buffer): string => `=?base64?${Buffer.from(text).toString("base64")}?=`;

describe("decodeHeaderValue", () => {
  test.each([
    ["us-west1", "us-west1"],
    ["", ""],
    ["two words\tand a tab", "two words\tand a tab"],
    [" \t padded \t", "padded"],
    // The specification's examples.
    ["=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界"],
    ["=?base64?IHBhZGRlZCA=?=", " padded "],
    ["=?base64?bGluZTEKbGluZTI=?=", "line1\nline2"],
    ["=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="],
    ["=?base64??=", ""],
    [" =?base64?SGVsbG8=?= ", "Hello"],
    [encode("\ufeffa"), "\ufeffa"],
    // Not the sentinel: taken as they stand.
    ["=?base64?SGVsbG8=", "=?base64?SGVsbG8="],
    ["SGVsbG8=?=", "SGVsbG8=?="],
    ["=?BASE64?SGVsbG8=?=", "=?BASE64?SGVsbG8=?="],
    ["=?base64?=", "=?base64?="],
  ])("reads %j as %j", (raw, value) => {
    expect(decodeHeaderValue(raw)).toBe(value);
  });

  test.each([
    ["without its padding", "=?base64?SGVsbG8?="],
    ["with too much padding", "=?base64?SGVsbG8==?="],
    ["with characters outside of the alphabet", "=?base64?SGVs!!!bG8=?="],
    ["in the alphabet for URLs", "=?base64?--__?="],
    ["with a space inside", "=?base64?SGVs bG8=?="],
    ["with bits left over that are not zero", "=?base64?SGVsbG9=?="],
    ["of bytes that are not UTF-8", encode(Buffer.from([0x61, 0xff]))],
    ["of a surrogate in UTF-8", encode(Buffer.from([0xed, 0xa0, 0x80]))],
  ])("refuses Base64 %s", (_, raw) => {
    expect(decodeHeaderValue(raw)).toBeUndefined();
  });

  test.each(["é", "a\u007fb", "a\u0000", "a\r\nb", "世界", "\u00a0a"])("refuses the character in %j", (raw) => {
    expect(decodeHeaderValue(raw)).toBeUndefined();
  });
});

const HEADERS: StandardHeaders = { protocolVersion: "2026-07-28", method: "tools/call", name: "get_weather" };
const BODY: BodyFacts = { protocolVersion: "2026-07-28", method: "tools/call", name: "get_weather" };

describe("headerMismatch", () => {
  test("lets headers pass that repeat the body", () => {
    expect(headerMismatch(HEADERS, BODY)).toBeUndefined();
  });

  test("ignores whitespace around values", () => {
    const padded = { protocolVersion: " 2026-07-28", method: "tools/call\t", name: "  get_weather  " };
    expect(headerMismatch(padded, BODY)).toBeUndefined();
  });

  test.each([
    ["MCP-Protocol-Version", { protocolVersion: null }],
    ["Mcp-Method", { method: null }],
    ["Mcp-Name", { name: null }],
  ])("asks for %s by name and value", (header, absent) => {
    const sentence = headerMismatch({ ...HEADERS, ...absent }, BODY);
    expect(sentence).toContain(`The ${header} header is missing`);
    expect(sentence).toContain(
      header === "MCP-Protocol-Version" ? '"2026-07-28"' : header === "Mcp-Name" ? '"get_weather"' : '"tools/call"',
    );
  });

  test.each([
    ["MCP-Protocol-Version", { protocolVersion: "2025-11-25" }, '"2026-07-28"; it is "2025-11-25"'],
    ["Mcp-Method", { method: "Tools/call" }, '"tools/call"; it is "Tools/call"'],
    ["Mcp-Name", { name: "get_Weather" }, '"get_weather"; it is "get_Weather"'],
    ["Mcp-Name", { name: "" }, '"get_weather"; it is ""'],
    ["Mcp-Name", { name: encode("other") }, '"get_weather"; it is "other"'],
  ])("tells what %s should have been and was", (header, other, values) => {
    const sentence = headerMismatch({ ...HEADERS, ...other }, BODY);
    expect(sentence).toStartWith(`The ${header} header must repeat `);
    expect(sentence).toContain(values);
  });

  test("decodes Mcp-Name before comparing it, and no other header", () => {
    expect(headerMismatch({ ...HEADERS, name: encode("天気") }, { ...BODY, name: "天気" })).toBeUndefined();
    expect(headerMismatch({ ...HEADERS, method: encode("tools/call") }, BODY)).toContain("Mcp-Method");
  });

  test("refuses characters that a header must not have, also where the body has the same", () => {
    expect(headerMismatch({ ...HEADERS, name: "é" }, { ...BODY, name: "é" })).toContain("Mcp-Name");
    expect(headerMismatch({ ...HEADERS, method: "é" }, { ...BODY, method: "é" })).toContain("Mcp-Method");
    expect(headerMismatch({ ...HEADERS, name: "=?base64?a?=" }, BODY)).toContain("Base64");
  });

  test.each([
    ["tools/call", "params.name"],
    ["prompts/get", "params.name"],
    ["resources/read", "params.uri"],
  ])("holds Mcp-Name of %s to %s", (method, source) => {
    const sentence = headerMismatch({ ...HEADERS, method, name: "a" }, { ...BODY, method, name: "b" });
    expect(sentence).toContain(source);
  });

  test("ignores Mcp-Name of any other method", () => {
    const body = { ...BODY, method: "tools/list", name: "a" };
    for (const name of [null, "b", "é"]) {
      expect(headerMismatch({ ...HEADERS, method: "tools/list", name }, body)).toBeUndefined();
    }
  });

  test("leaves a body without version or name to those who check parameters", () => {
    const body = { ...BODY, protocolVersion: undefined, name: undefined };
    expect(headerMismatch(HEADERS, body)).toBeUndefined();
    expect(headerMismatch({ ...HEADERS, name: null }, body)).toBeUndefined();
    expect(headerMismatch({ ...HEADERS, protocolVersion: null }, body)).toContain("MCP-Protocol-Version");
  });

  test("shows 100 characters of a value, all printable", () => {
    const name = `\u202e\n\u2028\u2029\u{e0001}"${"x".repeat(1_000)}`;
    const sentence = headerMismatch(HEADERS, { ...BODY, name }) ?? "";
    expect(sentence).toContain(`"\\u202e\\n\\u2028\\u2029\\udb40\\udc01\\"${"x".repeat(93)}" (and more)`);
    expect(sentence).not.toContain("x".repeat(94));
    expect(headerMismatch(HEADERS, { ...BODY, name: `${"x".repeat(99)}😀` })).toContain('x\\ud83d"');
  });
});
