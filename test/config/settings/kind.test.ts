import { describe, expect, test } from "bun:test";
import { BASE_PATH, FILE, HOSTS, ORIGINS, PROXIES, SECRET, whole, word } from "../../../src/config/settings/kind.ts";
import { createTrustedProxies } from "../../../src/guard/trusted-proxies.ts";

const value = (parsed: { ok: boolean; value?: unknown }) => (parsed.ok ? parsed.value : "refused");

describe("a whole number", () => {
  const port = whole(0, 65535);
  test.each<[unknown, unknown]>([
    [8000, 8000],
    ["8000", 8000],
    ["0", 0],
    [65535, 65535],
  ])("%p is taken", (raw, number) => {
    expect(value(port.parse(raw))).toBe(number);
  });

  test.each([
    "8000abc",
    "",
    " 80",
    "8e3",
    "0x50",
    "-1",
    "1.5",
    "65536",
    "99999999999",
    65536,
    -1,
    1.5,
    Number.NaN,
    null,
    true,
  ])("F3: %p is refused", (raw) => {
    expect(port.parse(raw)).toEqual({ ok: false, expected: "a whole number from 0 to 65535" });
  });
});

test("a word is taken in any case and comes out as it is listed", () => {
  const level = word("DEBUG", "INFO");
  expect(value(level.parse("debug"))).toBe("DEBUG");
  expect(level.parse("verbose")).toEqual({ ok: false, expected: "one of DEBUG, INFO" });
});

describe("a base path", () => {
  test.each([
    ["", ""],
    ["/", ""],
    ["/mcp", "/mcp"],
    ["/mcp/", "/mcp"],
    ["mcp/v1", "/mcp/v1"],
    ["/a.b/~c_d-e", "/a.b/~c_d-e"],
  ])("%p is normalised to %p", (raw, path) => {
    expect(value(BASE_PATH.parse(raw))).toBe(path);
  });

  test.each([
    "//evil.example",
    "//",
    "/a//b",
    "/a//",
    "/../a",
    "/a/./b",
    "/a/..",
    ".",
    "/a?b",
    "/a#b",
    "/a%2Fb",
    "/a\\b",
    "/a b",
    "http://x",
    "/ä",
  ])("%p is refused", (raw) => {
    expect(BASE_PATH.parse(raw).ok).toBe(false);
  });
});

describe("trusted proxies", () => {
  test("come from a comma separated text or from a list, each once", () => {
    const proxies = ["loopback", "10.0.0.0/8", "fd00::/8", "192.0.2.1", "fly", "private"];
    expect(value(PROXIES.parse(` ${proxies.join(" , ")},loopback,`))).toEqual(proxies);
    expect(value(PROXIES.parse(proxies))).toEqual(proxies);
    expect(() => createTrustedProxies(proxies)).not.toThrow();
    expect(value(PROXIES.parse(""))).toEqual([]);
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0/8",
    "fd00::/129",
    "10.0.0.0/08",
    "*",
    "all",
    "Loopback",
    "example.com",
    "10.0.0.0/",
    "fe80::1%eth0",
  ])("%p is refused", (raw) => {
    expect(PROXIES.parse(raw).ok).toBe(false);
  });
});

describe("allowed origins", () => {
  test.each([
    ["https://app.example.com", "https://app.example.com"],
    ["HTTPS://App.Example.com:443", "https://app.example.com"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["chrome-extension://abcdef", "chrome-extension://abcdef"],
  ])("%p is taken as %p", (raw, origin) => {
    expect(value(ORIGINS.parse(raw))).toEqual([origin]);
  });

  test.each([
    "https://a/",
    "https://a/b",
    "https://a?b",
    "https://u@a",
    "https://*.a",
    "a.example",
    "null",
    "https://",
    "https://a:99999",
  ])("%p is refused", (raw) => {
    expect(ORIGINS.parse(raw).ok).toBe(false);
  });

  test("* is refused with an explanation", () => {
    expect(ORIGINS.parse("*")).toEqual({ ok: false, expected: expect.stringContaining('"*" is not supported') });
  });
});

test("allowed hosts may be any, by the word *", () => {
  expect(value(HOSTS.parse("*"))).toEqual(["*"]);
  expect(value(HOSTS.parse("A.example,::1"))).toEqual(["a.example", "[::1]"]);
});

describe("the secret", () => {
  const good = "0123456789abcdefghijklmnopqrstuv";
  test("is taken from 32 characters on", () => {
    expect(value(SECRET.parse(good))).toBe(good);
    expect(SECRET.parse(good.slice(1)).ok).toBe(false);
  });

  test.each([`${good} x`, `${good}\n`, `${good}é`, `${good}\0`])("%j is refused", (raw) => {
    expect(SECRET.parse(raw).ok).toBe(false);
  });

  test("is never written", () => {
    expect(SECRET.write(good)).toBe("set");
  });

  test("is asked for with the way to make one", () => {
    expect(SECRET.parse("short")).toEqual({ ok: false, expected: expect.stringContaining("openssl rand -base64 32") });
  });
});

test("a file's name is not empty", () => {
  expect(FILE.parse("").ok).toBe(false);
  expect(FILE.parse("a\0b").ok).toBe(false);
  expect(value(FILE.parse("a.json"))).toBe("a.json");
});
