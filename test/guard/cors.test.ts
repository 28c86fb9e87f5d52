import { describe, expect, test } from "bun:test";
import { createCors } from "../../src/guard/cors.ts";

const APP = "https://app.example";
const cors = createCors({ origins: ["https://App.example:443", "http://localhost:3000"] });

function allowedHeaders(requested: string | null): string[] {
  return (cors.preflight(requested, "POST", APP)?.["access-control-allow-headers"] ?? "").split(", ");
}

const FIXED = [
  ...[
    "Authorization",
    "X-Api-Key",
    "Content-Type",
    "Accept",
    "Last-Event-ID",
    "Mcp-Session-Id",
    "MCP-Protocol-Version",
  ],
  ...["Mcp-Method", "Mcp-Name", "Cache-Control"],
];

describe("answers", () => {
  test("a page of a listed origin may read the answer and the fields that a client needs", () => {
    expect(cors.headers(APP)).toEqual({
      "access-control-allow-origin": APP,
      "access-control-expose-headers": "Mcp-Session-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate",
      vary: "Origin",
    });
    expect(cors.headers("http://localhost:3000")?.["access-control-allow-origin"]).toBe("http://localhost:3000");
  });

  test.each(["https://evil.example", "http://app.example", "null", "", "*", "constructor", `${APP}/`])(
    "H19: %j is not reflected",
    (origin) => {
      expect(cors.headers(origin)).toBeUndefined();
      expect(cors.preflight(null, "POST", origin)).toBeUndefined();
    },
  );

  test("cookies are never asked for", () => {
    expect(cors.headers(APP)).not.toHaveProperty("access-control-allow-credentials");
    expect(cors.preflight(null, "GET", APP)).not.toHaveProperty("access-control-allow-credentials");
  });

  test("the fields of an origin are made once", () => {
    expect(cors.headers(APP)).toBe(cors.headers(APP));
    expect(Object.isFrozen(cors.headers(APP))).toBe(true);
    expect(cors.preflight("authorization", "GET", APP)).toBe(cors.preflight(null, "POST", APP));
  });

  test("without origins there are no fields at all", () => {
    const none = createCors({ origins: [] });
    expect(none.headers(APP)).toBeUndefined();
    expect(none.preflight(null, "GET", APP)).toBeUndefined();
  });
});

describe("preflight", () => {
  test("H19: names the methods, the fixed headers, and what the answer varies by", () => {
    expect(cors.preflight("authorization, content-type", "POST", APP)).toEqual({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": FIXED.join(", "),
      "access-control-max-age": "7200",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    });
  });

  test("an OPTIONS that asks for no method is no preflight", () => {
    expect(cors.preflight("authorization", null, APP)).toBeUndefined();
  });

  test("allows each client variable that is asked for, by name, in either spelling", () => {
    expect(allowedHeaders("authorization,env_github_token, ENV_TEAM_ID ,env-notion-token")).toEqual([
      ...FIXED,
      "env_github_token",
      "env_team_id",
      "env-notion-token",
    ]);
  });

  test("allows each header that repeats a tool's parameter, by name", () => {
    expect(allowedHeaders("mcp-param-region, Mcp-Param-Tenant_ID,mcp-param-,mcp-param-a b,mcp-params-x")).toEqual([
      ...FIXED,
      "mcp-param-region",
      "mcp-param-tenant_id",
    ]);
  });

  test("H19: reflects no other header and no malformed variable", () => {
    const requested = "x-other,environment,env_,env_1a,env-,env_a b,env_a\r\nset-cookie: x,cookie,*,,env_f%%";
    expect(allowedHeaders(requested)).toEqual(FIXED);
  });

  test("bounds the number of variables that it names", () => {
    const many = Array.from({ length: 100 }, (_, index) => `env_v${index}`).join(",");
    expect(allowedHeaders(many)).toHaveLength(FIXED.length + 64);
  });

  test.each(["*", "null", "app.example", "https://*.example", "https://a.example/path"])(
    "refuses the configured origin %j",
    (origin) => {
      expect(() => createCors({ origins: [origin] })).toThrow(TypeError);
    },
  );
});
