import { describe, expect, test } from "bun:test";
import { canonicalHost, isHost } from "../../../src/config/settings/address.ts";
import { createHostCheck } from "../../../src/guard/host.ts";

test.each(["127.0.0.1", "0.0.0.0", "::", "::1", "localhost", "my_container", "app.example.com", "a-b.c"])(
  "%p is a host to listen on",
  (text) => {
    expect(isHost(text)).toBe(true);
  },
);

test.each([
  "",
  "[::1]",
  "127.0.0.1:80",
  "256.1.1.1",
  "1.2.3",
  "a b",
  "http://a",
  "a/b",
  "-a",
  ".a",
  "a..b",
  "fe80::1%eth0",
  "ä",
  "x".repeat(300),
])("%p is no host to listen on", (text) => {
  expect(isHost(text)).toBe(false);
});

describe("an allowed host", () => {
  test.each([
    ["App.Example.COM", "app.example.com"],
    ["app.example.com:8443", "app.example.com:8443"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "[::1]"],
    ["[::1]", "[::1]"],
    ["[0:0:0:0:0:0:0:1]:80", "[::1]:80"],
    ["2001:DB8::0:1", "[2001:db8::1]"],
  ])("%p has the canonical form %p, which the check of the Host header takes", (text, canonical) => {
    expect(canonicalHost(text)).toBe(canonical);
    const check = createHostCheck({ bindHost: "0.0.0.0", allowed: [canonical] });
    expect(check(canonical)).toBe("ok");
    expect(check("evil.example")).toBe("refused");
  });

  test.each([
    "",
    "*.example.com",
    "http://a",
    "a/b",
    "a:b",
    "a:99999",
    "a:",
    "[::1",
    "::1]:80",
    "[1.2.3.4]",
    "a b",
    "u@a",
    "xn--a",
    "1.2.3.256",
  ])("%p is refused", (text) => {
    expect(canonicalHost(text)).toBeUndefined();
  });
});
