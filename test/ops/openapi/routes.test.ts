import { describe, expect, test } from "bun:test";
import { ERRORS, type ErrorCode } from "../../../src/base/errors.ts";
import { errorResponses } from "../../../src/ops/openapi/errors.ts";
import { healthDetail, openSseDetail, postMessageDetail, serversDetail } from "../../../src/ops/openapi/routes.ts";
import { deleteMcpDetail, getMcpDetail, postMcpDetail } from "../../../src/ops/openapi/streamable-routes.ts";

const details = {
  ...{ healthDetail, serversDetail, openSseDetail, postMessageDetail },
  ...{ postMcpDetail, getMcpDetail, deleteMcpDetail },
};

/** Codes that no route of the document answers with: they belong to none, or nobody is there to be answered. */
const ELSEWHERE: readonly ErrorCode[] = ["client_left", "not_found"];

/** Codes that only requests of revision 2026-07-28 are answered with. */
const STATELESS: readonly ErrorCode[] = [
  ...(["header_mismatch", "capability_missing", "revision_unsupported", "invalid_envelope", "invalid_params"] as const),
  ...(["request_state_refused", "method_not_found", "parked_limit"] as const),
];

/** Whether a description has an example of the error. */
const names = (description: unknown, code: string) => JSON.stringify(description).includes(`"${code}":{"value"`);

describe("the routes' descriptions", () => {
  test("name every error of the catalogue that a route can answer with", () => {
    const missing = Object.keys(ERRORS).filter((code) => !names(details, code));
    expect(missing.sort()).toEqual([...ELSEWHERE].sort());
  });

  test.each(STATELESS)("name %s where stateless requests are sent, and nowhere else", (code) => {
    const naming = Object.entries(details).filter(([, detail]) => names(detail, code));
    expect(naming.map(([name]) => name)).toEqual(["postMcpDetail"]);
  });

  test.each(["child_refused", "pool_full"] as const)("name %s where a child may be started", (code) => {
    const naming = Object.entries(details).filter(([, detail]) => names(detail, code));
    expect(naming.map(([name]) => name)).toEqual(["openSseDetail", "postMcpDetail"]);
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
              value: { error: "origin_refused", error_description: ERRORS.origin_refused.summary },
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
