import type { DocumentDecoration } from "elysia";
import { ERRORS, type ErrorCode } from "../../base/errors.ts";

type Responses = NonNullable<DocumentDecoration["responses"]>;
type Response = Extract<Responses[string], { description: string }>;
type Headers = NonNullable<Response["headers"]>;

/** How a route puts an error into words: management routes by a plain object, routes that carry MCP by a JSON-RPC error. */
export type ErrorShape = "management" | "mcp";

/** The OpenAPI responses of a route that can fail with these codes: one response a status, one example a code. */
export function errorResponses(shape: ErrorShape, codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [String(status), errorResponse(shape, status, group)]),
  );
}

function errorResponse(shape: ErrorShape, status: number, codes: readonly ErrorCode[]): Response {
  const schema = shape === "mcp" ? "RpcError" : "ManagementError";
  const headers = errorHeaders(status);
  return {
    description: codes.map((code) => `- \`${code}\`: ${ERRORS[code].summary}`).join("\n"),
    ...(headers === undefined ? {} : { headers }),
    content: {
      "application/json": {
        schema: { $ref: `#/components/schemas/${schema}` },
        examples: Object.fromEntries(codes.map((code) => [code, { value: example(shape, code) }])),
      },
    },
  };
}

function example(shape: ErrorShape, code: ErrorCode): unknown {
  const { rpc, summary } = ERRORS[code];
  return shape === "mcp"
    ? { jsonrpc: "2.0", id: null, error: { code: rpc, message: summary, data: { code } } }
    : { error: code, error_description: summary };
}

function errorHeaders(status: number): Headers | undefined {
  const retryAfter = {
    description: "Seconds until it is worth trying again.",
    schema: { type: "integer", minimum: 0 },
  } as const;
  if (status === 401)
    return { "WWW-Authenticate": { description: "The scheme to use.", schema: { type: "string" }, example: "Bearer" } };
  if (status === 429) return { "Retry-After": retryAfter, ...RATE_LIMIT_HEADERS };
  if (status === 503) return { "Retry-After": retryAfter };
  return undefined;
}

/** The fields of draft-ietf-httpapi-ratelimit-headers that rate-limited routes answer with. */
const RATE_LIMIT_HEADERS: Headers = {
  RateLimit: { description: "What is left, and the seconds until more is.", schema: { type: "string" } },
  "RateLimit-Policy": { description: "The rate that is allowed.", schema: { type: "string" } },
};
