import { describe, expect, test } from "bun:test";
import { ERRORS, type ErrorCode, ProxyError } from "../../src/base/errors.ts";

describe("the catalogue of errors", () => {
  test.each(Object.entries(ERRORS))(
    "%s has a status of its fault's class, a JSON-RPC code and a sentence",
    (code, kind) => {
      expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
      const classOfStatus = Math.floor(kind.status / 100);
      if (kind.fault === "client") expect(classOfStatus).toBe(4);
      if (kind.fault === "proxy" || kind.fault === "child") expect(classOfStatus).toBe(5);
      if (kind.fault === "limit") expect([429, 503]).toContain(kind.status);
      // JSON-RPC 2.0, section 5.1: the predefined codes, and the range for servers.
      expect(
        [-32700, -32600, -32601, -32602, -32603].includes(kind.rpc) || (kind.rpc >= -32099 && kind.rpc <= -32000),
      ).toBe(true);
      expect(kind.summary).toMatch(/^[A-Z].*\.$/);
    },
  );
});

test("the errors that 2026-07-28 has a code for have that one", () => {
  // 2026-07-28: the codes of basic/index, with the statuses of basic/transports/streamable-http.
  expect(ERRORS.header_mismatch).toMatchObject({ status: 400, rpc: -32020 });
  expect(ERRORS.capability_missing).toMatchObject({ status: 400, rpc: -32021 });
  expect(ERRORS.revision_unsupported).toMatchObject({ status: 400, rpc: -32022 });
  expect(ERRORS.method_not_found).toMatchObject({ status: 404, rpc: -32601 });
  expect(ERRORS.invalid_envelope).toMatchObject({ status: 400, rpc: -32602 });
});

test("an error without a message has its summary, and its cause stays inside", () => {
  const cause = new Error("inner");
  const error = new ProxyError("unauthorized", { cause });
  expect(error.message).toBe(ERRORS.unauthorized.summary);
  expect(error.status).toBe(401);
  expect(error.cause).toBe(cause);
  expect(new ProxyError("unauthorized").cause).toBeUndefined();
  expect(JSON.stringify({ ...error })).not.toContain("inner");
});

test("each code that says when to come back can carry it", () => {
  for (const code of ["rate_limited", "draining", "session_limit"] satisfies ErrorCode[]) {
    expect(new ProxyError(code, { retryAfterSeconds: 3 }).retryAfterSeconds).toBe(3);
  }
});
