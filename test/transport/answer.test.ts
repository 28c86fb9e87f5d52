import { describe, expect, test } from "bun:test";
import { ERRORS, type ErrorCode, ProxyError } from "../../src/base/errors.ts";
import { answerError } from "../../src/transport/answer.ts";

const FIELDS = { "x-content-type-options": "nosniff" };
const CODES = Object.keys(ERRORS) as ErrorCode[];

test.each(CODES)("%s is answered alike on both kinds of routes, in their own words", async (code) => {
  const management = answerError(new ProxyError(code), "management", FIELDS);
  const mcp = answerError(new ProxyError(code), "mcp", FIELDS);
  for (const { response, failureId, code: told } of [management, mcp]) {
    expect(response.status).toBe(ERRORS[code].status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(told).toBe(code);
    expect(failureId).toBeUndefined();
  }
  expect(await management.response.json()).toEqual({ error: code, error_description: ERRORS[code].summary });
  expect(await mcp.response.json()).toEqual({
    jsonrpc: "2.0",
    id: null,
    error: { code: ERRORS[code].rpc, message: ERRORS[code].summary, data: { code } },
  });
});

describe("what an error carries", () => {
  test("reaches the caller: its message, its data, its header fields and when to come back", async () => {
    const error = new ProxyError("rate_limited", {
      message: "Too many.",
      retryAfterSeconds: 7,
      data: { exitCode: 3 },
      fields: { "www-authenticate": "Bearer" },
      cause: new Error("inner s3cr3t"),
    });
    const { response } = answerError(error, "mcp", FIELDS);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      error: { message: "Too many.", data: { code: "rate_limited", exitCode: 3 } },
    });
    expect(text).not.toContain("s3cr3t");
  });

  test("closes the connection where the rest of it could be taken for another request, and nowhere else", () => {
    const closing = CODES.filter(
      (code) => answerError(new ProxyError(code), "mcp", {}).response.headers.get("connection") === "close",
    );
    expect(closing.sort()).toEqual(["body_timeout", "draining"]);
  });

  test("promises no further request to a connection that it closes", () => {
    const keeps = (error: ProxyError) =>
      answerError(error, "mcp", { "keep-alive": "timeout=9" }).response.headers.has("keep-alive");
    expect(keeps(new ProxyError("draining"))).toBe(false);
    expect(keeps(new ProxyError("body_too_large", { fields: { connection: "close" } }))).toBe(false);
    expect(keeps(new ProxyError("body_too_large"))).toBe(true);
  });

  test("is told under the id of the request that is refused, where it is known", async () => {
    const idOf = async (error: ProxyError, rpcId?: string) =>
      (await answerError(error, "mcp", {}, rpcId).response.json()) as { readonly id: unknown };
    expect((await idOf(new ProxyError("rate_limited"), '"a"')).id).toBe("a");
    expect((await idOf(new ProxyError("rate_limited", { rpcId: "7" }), '"a"')).id).toBe(7);
    expect((await idOf(new ProxyError("rate_limited"))).id).toBeNull();
  });
});

test.each<[string, unknown]>([
  ["an error", new Error("inner s3cr3t")],
  ["a text", "s3cr3t"],
  ["nothing", undefined],
  ["what looks like a refusal", { code: "unauthorized", message: "s3cr3t" }],
])("an unknown failure is answered with an id and not a word more, be it %s", async (_, failure) => {
  for (const dialect of ["management", "mcp"] as const) {
    const { response, code, failureId } = answerError(failure, dialect, FIELDS);
    expect([response.status, code]).toEqual([500, "internal_error"]);
    const text = await response.text();
    expect(text).not.toContain("s3cr3t");
    expect(failureId).toMatch(/^[0-9a-f]{8}$/);
    expect(text).toContain(`"id":"${failureId}"`);
  }
});
