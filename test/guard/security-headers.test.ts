import { describe, expect, test } from "bun:test";
import { securityHeaders } from "../../src/guard/security-headers.ts";

describe("securityHeaders", () => {
  test("switches off what a browser would do with an answer", () => {
    expect(securityHeaders({ tls: false })).toEqual({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    });
  });

  test("speaks of TLS only to a client that came by TLS", () => {
    expect(securityHeaders({ tls: true })["strict-transport-security"]).toBe("max-age=31536000");
    expect(securityHeaders({ tls: false })["strict-transport-security"]).toBeUndefined();
  });

  test("gives the same frozen object every time, so that no request can change another's", () => {
    for (const tls of [true, false]) {
      expect(securityHeaders({ tls })).toBe(securityHeaders({ tls }));
      expect(Object.isFrozen(securityHeaders({ tls }))).toBe(true);
    }
  });
});
