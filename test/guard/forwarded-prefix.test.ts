import { expect, test } from "bun:test";
import { createForwardedPrefix } from "../../src/guard/forwarded-prefix.ts";

const prefixOf = (field: string, peer = "127.0.0.1", trustedProxies: readonly string[] = ["loopback"]) =>
  createForwardedPrefix({ trustedProxies })(() => peer, new Headers({ "x-forwarded-prefix": field }));

test.each([
  ["/tools", "/tools"],
  ["/tools/", "/tools"],
  ["/outer, /inner/", "/outer/inner"],
  ["/", ""],
])("what a trusted hop has taken off is read: %s", (field, prefix) => {
  expect(prefixOf(field)).toBe(prefix);
});

test.each([
  "tools",
  "//evil.example",
  "/a//b",
  "/a/../b",
  "/.",
  "/a\\b",
  "/a?b",
  "/ä",
  "https://x",
  `/${"a".repeat(300)}`,
])("what is no path counts for nothing: %s", (field) => {
  expect(prefixOf(field)).toBeUndefined();
});

test("a hop that is not trusted tells nothing, and is not even looked up where none is", () => {
  expect(prefixOf("/tools", "192.0.2.1")).toBeUndefined();
  expect(prefixOf("/tools", "127.0.0.1", [])).toBeUndefined();
  const peer = () => {
    throw new Error("asked for");
  };
  expect(createForwardedPrefix({ trustedProxies: ["loopback"] })(peer, new Headers())).toBeUndefined();
});
