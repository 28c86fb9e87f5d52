import { expect, test } from "bun:test";
import { nameProblem } from "../../../src/config/allowlist/server-name.ts";

test.each([
  "github",
  "npx -y @upstash/context7-mcp@latest",
  "constructor",
  "__proto__",
  "Health",
  "healthy",
  "...",
  "ä/ö",
  "日本",
  "x".repeat(1024),
])("%p can be a server's name", (name) => {
  expect(nameProblem(name)).toBeUndefined();
});

test.each([
  ["", "empty"],
  [".", "dot segment"],
  ["..", "dot segment"],
  ["a\nb", "control"],
  ["a\0", "control"],
  ["a\u0085b", "control"],
  ["a\uFFFDb", "well-formed"],
  ["a\uD800", "well-formed"],
  ["x".repeat(1025), "at most 1024"],
  ["health", "route of the proxy"],
  ["servers", "route of the proxy"],
  ["sessions", "route of the proxy"],
  ["metrics", "route of the proxy"],
  ["swagger", "route of the proxy"],
])("%j cannot, because of: %s", (name, problem) => {
  expect(nameProblem(name)).toContain(problem);
});
