import { describe, expect, test } from "bun:test";
import { requirePlainKey, wireRoutes } from "../../src/app/wire-path.ts";

const routes = wireRoutes({
  baseSegments: 0,
  isKnown: (request) => request.url.endsWith("/one/sse"),
  pass: () => new Response("passed"),
  refuse: (_request, _server, error) => new Response(error.code),
});
const server = { requestIP: () => null, timeout: () => undefined };

/** What becomes of a request as the runtime tells it: the URL resolved, the wire's segments beside it. */
async function outcome(route: string, path: string, wire: readonly string[] = []): Promise<string> {
  const params = Object.fromEntries(wire.map((segment, index) => [`s${index + 1}`, segment]));
  const request = Object.assign(new Request("http://proxy.example/"), { params });
  Object.defineProperty(request, "url", { value: `http://proxy.example${path}` });
  const answer = await routes[route]?.(request, server);
  return answer?.text() ?? "no such route";
}

describe("wireRoutes", () => {
  test("lets through what is the same on the wire and in the URL", async () => {
    expect(await outcome("/:s1/:s2", "/a%5Cb/sse?x=/../y", ["a\\b", "sse"])).toBe("passed");
    expect(await outcome("/:s1/:s2//", "/one/sse/", ["one", "sse"])).toBe("passed");
    expect(await outcome("/*", "/")).toBe("passed");
    expect(await outcome("/*", `/${"a/".repeat(20)}b`)).toBe("passed");
  });

  test.each([
    ["a backslash", "/:s1/:s2", "/x/one/sse", ["x\\one", "sse"]],
    ["a dot segment", "/:s1/:s2/:s3", "/sse", ["x", "..", "sse"]],
    ["a dot segment that leaves a slash", "/:s1/:s2", "/x/", ["x", "."]],
    ["a bad escape", "/:s1/:s2", "/%zz/sse", ["\uFFFD", "sse"]],
    ["a fragment", "/:s1", "/a#b", ["a#b"]],
  ])("refuses %s", async (_, route, path, wire) => {
    expect(await outcome(route, path, wire)).toBe("bad_path");
  });

  test("refuses, where it sees the URL alone, empty segments, bad escapes, and what leads to a route", async () => {
    for (const path of ["//sse", "/a//sse", `/${"a/".repeat(20)}%zz`, "/one/sse"]) {
      expect(await outcome("/*", path)).toBe("bad_path");
    }
  });
});

test("requirePlainKey refuses a name that the URL tells otherwise, and no name that is encoded", () => {
  const check = (path: string, key: string) => () => {
    const request = new Request("http://proxy.example/");
    Object.defineProperty(request, "url", { value: `http://proxy.example${path}` });
    requirePlainKey(request, key);
  };
  for (const [path, key] of [
    ["/sse", ".."],
    ["/a/b/sse", "a\\b"],
    ["/a/sse", "..\\a"],
    ["/%FF/sse", "\uFFFD"],
  ] as const) {
    expect(check(path, key)).toThrow("plain form");
  }
  expect(check("/a%5Cb/sse", "a\\b")).not.toThrow();
  expect(check("/npx%20-y%20%40scope%2Fx/sse", "npx -y @scope/x")).not.toThrow();
});
