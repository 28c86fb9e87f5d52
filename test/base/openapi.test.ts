import { describe, expect, test } from "bun:test";
import { ERRORS, type ErrorCode } from "../../src/base/errors.ts";
import { healthDetail, openSseDetail, postMessageDetail, serversDetail } from "../../src/base/openapi.ts";
import { errorResponses } from "../../src/base/openapi-errors.ts";

const details = { healthDetail, serversDetail, openSseDetail, postMessageDetail };

/** Codes that no route of the document answers with: the first two belong to no route, the others arrive on an open stream. */
const ELSEWHERE: readonly ErrorCode[] = [
  "not_found",
  "method_not_allowed",
  "child_line_too_large",
  "child_timeout",
  "start_timeout",
];

describe("the routes' descriptions", () => {
  test("name every error of the catalogue that a route can answer with", () => {
    const text = JSON.stringify(details);
    const missing = Object.keys(ERRORS).filter((code) => !text.includes(`"${code}":{"value"`));
    expect(missing.sort()).toEqual([...ELSEWHERE].sort());
  });

  test.each(Object.entries(details))("%s describes its success and its refusals", (_name, detail) => {
    const statuses = Object.keys(detail.responses ?? {});
    expect(statuses.some((status) => status.startsWith("2"))).toBe(true);
    expect(statuses).toContain(detail === healthDetail ? "503" : "401");
  });
});

describe("errorResponses", () => {
  test("gathers the codes of one status into one response, with an example each", () => {
    const responses = errorResponses("management", ["origin_refused", "host_refused", "unauthorized"]);
    expect(Object.keys(responses)).toEqual(["401", "403"]);
    expect(responses["403"]).toMatchObject({
      description:
        "- `origin_refused`: The Origin header is not an allowed origin.\n- `host_refused`: The Host header is not an allowed host name.",
      content: {
        "application/json": {
          schema: { $ref: "#/components/schemas/ManagementError" },
          examples: {
            origin_refused: {
              value: { error: { code: "origin_refused", message: ERRORS.origin_refused.summary } },
            },
          },
        },
      },
    });
  });

  test("writes the errors of MCP routes as JSON-RPC errors", () => {
    expect(errorResponses("mcp", ["session_not_found"])["404"]).toMatchObject({
      content: {
        "application/json": {
          schema: { $ref: "#/components/schemas/RpcError" },
          examples: {
            session_not_found: {
              value: { jsonrpc: "2.0", id: null, error: { code: -32001, data: { code: "session_not_found" } } },
            },
          },
        },
      },
    });
  });

  test("documents the headers that tell a client what to do", () => {
    const headers = (code: ErrorCode) => {
      const response = errorResponses("mcp", [code])[String(ERRORS[code].status)];
      return response !== undefined && "headers" in response ? Object.keys(response.headers ?? {}) : [];
    };
    expect(headers("unauthorized")).toEqual(["WWW-Authenticate"]);
    expect(headers("rate_limited")).toEqual(["Retry-After", "RateLimit", "RateLimit-Policy"]);
    expect(headers("draining")).toEqual(["Retry-After"]);
    expect(headers("invalid_json")).toEqual([]);
  });
});
