import { describe, expect, test } from "bun:test";
import { createOriginCheck } from "../../src/guard/origin.ts";

const check = createOriginCheck({ allowed: ["https://App.example", "http://localhost:3000", "vscode-webview://abc"] });

describe("createOriginCheck", () => {
  test("H18: lets a request without an Origin pass", () => {
    expect(check(null, "mcp.example")).toBe("absent");
  });

  test.each(["https://app.example", "HTTPS://APP.EXAMPLE", "https://app.example:443", "vscode-webview://abc"])(
    "knows the listed origin %s",
    (origin) => {
      expect(check(origin, "mcp.example")).toBe("listed");
    },
  );

  test.each([
    ["https://mcp.example", "mcp.example"],
    ["http://mcp.example", "mcp.example"],
    ["https://mcp.example", "mcp.example:443"],
    ["https://mcp.example:443", "mcp.example"],
    ["http://mcp.example", "mcp.example:80"],
    ["http://mcp.example:8000", "mcp.example:8000"],
    ["http://MCP.example:8000", "mcp.EXAMPLE:8000"],
    ["http://[::1]:8000", "[::1]:8000"],
  ])("takes %s for the origin of Host %s", (origin, host) => {
    expect(check(origin, host)).toBe("same-origin");
  });

  test.each([
    ["another site", "https://evil.example", "mcp.example"],
    ["another port", "http://mcp.example:8001", "mcp.example:8000"],
    ["the other scheme's default port", "http://mcp.example", "mcp.example:443"],
    ["a listed origin on another scheme", "http://app.example", "mcp.example"],
    ["a listed origin on another port", "https://app.example:444", "mcp.example"],
    ["a subdomain of a listed origin", "https://a.app.example", "mcp.example"],
    ["a name that begins like a listed one", "https://app.example.evil", "mcp.example"],
    ["an opaque origin", "null", "mcp.example"],
    ["an empty Origin", "", ""],
    ["two origins", "https://app.example, https://app.example", "mcp.example"],
    ["a path", "https://app.example/", "mcp.example"],
    ["a user", "https://app.example@evil.example", "mcp.example"],
    ["a bare host", "mcp.example", "mcp.example"],
    ["a scheme that is not the web's, though on the same host", "ftp://mcp.example", "mcp.example"],
    ["a port out of range", "https://mcp.example:99999", "mcp.example:99999"],
    ["a newline", "https://app.example\n", "mcp.example"],
    ["a Kelvin sign for a k", "https://\u212a.example", "k.example"],
  ])("H18: refuses %s", (_, origin, host) => {
    expect(check(origin, host)).toBe("refused");
  });

  test.each(["*", "null", "https://*.example", "https://a.example/", "a.example", ""])(
    "refuses the configured origin %j",
    (entry) => {
      expect(() => createOriginCheck({ allowed: [entry] })).toThrow(TypeError);
    },
  );
});
