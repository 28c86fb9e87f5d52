import { describe, expect, test } from "bun:test";
import { createUnroutable } from "../../src/app/unroutable.ts";

const ROUTES = [
  { method: "GET", path: "/health" },
  { method: "GET", path: "/:server/sse" },
  { method: "HEAD", path: "/:server/sse" },
  { method: "GET", path: "/:server/mcp" },
  { method: "POST", path: "/:server/mcp" },
  { method: "DELETE", path: "/:server/mcp" },
  { method: "OPTIONS", path: "/*" },
];
const unroutable = createUnroutable(() => ROUTES);
const request = (method: string, path: string) => new Request(`http://proxy.example${path}`, { method });

describe("createUnroutable", () => {
  test.each([
    ["POST", "/health", "method_not_allowed", "GET, OPTIONS"],
    ["HEAD", "/one/sse", "method_not_allowed", "GET, OPTIONS"],
    ["PUT", "/one/mcp?x=/health", "method_not_allowed", "GET, POST, DELETE, OPTIONS"],
    ["GET", "/nothing", "not_found", undefined],
    ["GET", "/one/two/mcp", "not_found", undefined],
    ["PUT", "//mcp", "not_found", undefined],
  ])("calls %s %s %s, by the methods that the app's routes have", (method, path, code, allow) => {
    const error = unroutable.errorOf(request(method, path));
    expect<string>(error.code).toBe(code);
    expect(error.fields?.["allow"]).toBe(allow);
  });

  test("tells errors as JSON-RPC where a route that carries MCP has the path, and plainly elsewhere", () => {
    expect(unroutable.dialectOf(request("PUT", "/one/sse"))).toBe("mcp");
    for (const path of ["/health", "/nothing", "/one/register"]) {
      expect(unroutable.dialectOf(request("PUT", path))).toBe("management");
    }
  });

  test("allows the methods of a path that it has, else those of all routes", () => {
    expect(unroutable.allowOf(request("OPTIONS", "/one/sse"))).toBe("GET, OPTIONS");
    expect(unroutable.allowOf(request("OPTIONS", "/"))).toBe("GET, POST, DELETE, OPTIONS");
  });
});
