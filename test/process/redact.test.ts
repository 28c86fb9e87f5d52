import { describe, expect, test } from "bun:test";
import { createRedactor } from "../../src/process/redact.ts";

test("the value of a variable becomes its name, wherever it stands and however often", () => {
  const { redact } = createRedactor([["TOKEN", "s3cr3t-value"]]);
  expect(redact("a s3cr3t-value b=s3cr3t-values3cr3t-value")).toBe("a [TOKEN] b=[TOKEN][TOKEN]");
});

test("a value that contains another one is taken whole", () => {
  const { redact } = createRedactor([
    ["SHORT", "abcdef"],
    ["LONG", "abcdefghij"],
  ]);
  expect(redact("abcdefghij abcdef")).toBe("[LONG] [SHORT]");
});

test("characters that mean something to a regular expression mean themselves", () => {
  const { redact } = createRedactor([["KEY", "a.*b$(c)"]]);
  expect(redact("a.*b$(c) axxb$(c)")).toBe("[KEY] axxb$(c)");
});

test("values under six characters are words like any other", () => {
  const { redact, longest } = createRedactor([
    ["DEBUG", "true"],
    ["EMPTY", ""],
  ]);
  expect(redact("it is true")).toBe("it is true");
  expect(longest).toBe(0);
});

test("the longest secret is known in its longest spelling, for whoever cuts a text", () => {
  expect(
    createRedactor([
      ["A", "123456"],
      ["B", "123456789"],
    ]).longest,
  ).toBe("\\u0000".length * 9);
});

describe("a secret is found", () => {
  const VALUE = "CANARY/s3cr3t+=& é\\ü-_";
  const bytes = Buffer.from(VALUE);
  const { redact } = createRedactor([["TOKEN", VALUE]]);
  const inside = (before: string) => Buffer.from(`${before}${VALUE} and more`).toString("base64");
  const json = JSON.stringify(VALUE).slice(1, -1);
  const escaped = [...VALUE].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
  const spellings: Readonly<Record<string, string>> = {
    "as it stands": VALUE,
    "in capitals": VALUE.toUpperCase(),
    "URL-encoded": encodeURIComponent(VALUE),
    "URL-encoded with small digits": encodeURIComponent(VALUE).replace(/%../g, (e) => e.toLowerCase()),
    "URL-encoded as a form": new URLSearchParams([["k", VALUE]]).toString().slice(2),
    "URL-encoded in every character": [...bytes].map((b) => `%${b.toString(16).padStart(2, "0")}`).join(""),
    "JSON-escaped": json,
    "JSON-escaped with slashes": json.replaceAll("/", "\\/"),
    "JSON-escaped in every character": escaped,
    "JSON-escaped twice": JSON.stringify(json).slice(1, -1),
    "HTML-escaped": VALUE.replaceAll("&", "&amp;"),
    "in Base64": bytes.toString("base64"),
    "in Base64 for URLs": bytes.toString("base64url"),
    "in Base64, URL-encoded": encodeURIComponent(bytes.toString("base64")),
    "in hexadecimal": bytes.toString("hex"),
    "in hexadecimal with capitals": bytes.toString("hex").toUpperCase(),
    "in hexadecimal with blanks": bytes.toString("hex").replace(/../g, "$& "),
    "over two lines": `${VALUE.slice(0, 9)}\n${VALUE.slice(9)}`,
    "over many lines": VALUE.replace(/.{4}/g, "$&\r\n  "),
    "in Base64 over many lines": bytes.toString("base64").replace(/.{8}/g, "$&\n"),
    "in Base64 with escaped line breaks": bytes.toString("base64").replace(/.{8}(?=.)/g, "$&\\n"),
  };
  test.each(Object.entries(spellings))("%s", (_, spelling) => {
    expect(redact(`before ${spelling.trim()} after`).replaceAll(/\n/g, "")).toBe("before [TOKEN] after");
  });

  test.each(["", "a", "ab", "abc", "user:"])("in Base64 after %p, but for what depends on the neighbours", (before) => {
    for (const text of [inside(before), inside(before).replaceAll("+", "-").replaceAll("/", "_")]) {
      const shown = redact(text);
      expect(shown).toContain("[TOKEN]");
      expect(Buffer.from(shown.replace("[TOKEN]", "...."), "base64").toString()).not.toContain("s3cr");
      expect(shown.replace("[TOKEN]", "").length).toBeLessThan(inside(before).length - (bytes.length * 4) / 3 + 4);
    }
  });

  test("inside a header's value and inside JSON, by itself", () => {
    const token = "ntn_0123456789abcdef";
    const { redact } = createRedactor([
      ["HEADERS", JSON.stringify({ Authorization: `Bearer ${token}`, "X-Version": "1" })],
    ]);
    expect(redact(`sent ${token}`)).toBe("sent [HEADERS]");
    expect(createRedactor([["AUTH", `Bearer ${token}`]]).redact(`sent ${token}, a Bearer`)).toBe(
      "sent [AUTH], a Bearer",
    );
  });
});

test("a text that ends in the beginning of a secret may go on", () => {
  const { mayGoOn } = createRedactor([["TOKEN", "0123456789abcdef"]]);
  expect(
    ["x 0123", "x 0123456789abcde", "x %30%31%32%33%3", Buffer.from("012345").toString("base64")].map(mayGoOn),
  ).toEqual([true, true, true, true]);
  expect(["", "x 012", "x 0123456789abcdef", "0123 and more"].map(mayGoOn)).toEqual([false, false, false, false]);
  expect(createRedactor([]).mayGoOn("0123")).toBe(false);
});
