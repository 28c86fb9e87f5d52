import { describe, expect, test } from "bun:test";
import { createRequestStateSeal, type RequestState } from "../../../src/bridge/messages/request-state.ts";

const STATE: RequestState = { call: "call", round: 3, caller: "caller", request: "request", expiresAt: 12 };

describe("a sealed state", () => {
  test("opens to what was sealed, and is another text each time", () => {
    const { seal, open, isOwn } = createRequestStateSeal();
    const texts = Array.from({ length: 50 }, () => seal(STATE));
    expect(new Set(texts).size).toBe(50);
    for (const text of texts) {
      expect(isOwn(text)).toBe(true);
      expect(createRequestStateSeal().isOwn(text)).toBe(false);
      expect(open(text)).toEqual(STATE);
    }
  });

  test("shows nothing of what it says", () => {
    const text = createRequestStateSeal().seal(STATE);
    const bytes = Buffer.from(text.slice(text.lastIndexOf(".") + 1), "base64url").toString("latin1");
    for (const word of ["call", "caller", "request"]) expect(bytes).not.toContain(word);
  });

  test("does not open with another key", () => {
    expect(createRequestStateSeal().open(createRequestStateSeal().seal(STATE))).toBeUndefined();
  });

  test("does not open when any one of its characters is changed", () => {
    const { seal, open } = createRequestStateSeal();
    const text = seal(STATE);
    for (let place = 0; place < text.length; place++) {
      const other = text[place] === "A" ? "B" : "A";
      expect(open(text.slice(0, place) + other + text.slice(place + 1))).toBeUndefined();
    }
  });

  test.each([
    ["nothing", ""],
    ["the prefix alone", "mcp-sse-proxy.1."],
    ["too few bytes", "mcp-sse-proxy.1.AAAA"],
    ["bytes of nobody's", `mcp-sse-proxy.1.${"A".repeat(100)}`],
    ["far too many", `mcp-sse-proxy.1.${"A".repeat(100_000)}`],
    ["what is no Base64", `mcp-sse-proxy.1.${"!".repeat(100)}`],
    ["another prefix", "mcp-sse-proxy.2.AAAA"],
  ])("is not %s", (_, text) => {
    expect(createRequestStateSeal().open(text)).toBeUndefined();
  });

  test.each([
    ["padding", (text: string) => `${text}=`],
    ["a line end", (text: string) => `${text}\n`],
    [
      "the other alphabet of Base64",
      (text: string) => `${text.slice(0, 20)}${text.slice(20).replaceAll("-", "+").replaceAll("_", "/")}`,
    ],
  ])("has one spelling alone: not with %s", (_, respell) => {
    const { seal, open } = createRequestStateSeal();
    const respelt = Array.from({ length: 50 }, () => seal(STATE)).filter((text) => respell(text) !== text);
    expect(respelt.length).toBeGreaterThan(0);
    for (const text of respelt) expect(open(respell(text))).toBeUndefined();
  });
});
