import { describe, expect, test } from "bun:test";
import { judgeDiscover, judgeInitialize } from "../../src/link/reply.ts";

const result = (value: unknown) => ({ kind: "result", result: value }) as const;
const error = (value: unknown) => ({ kind: "error", error: value }) as const;

describe("an answer to server/discover", () => {
  test.each([
    [result({ supportedVersions: ["2026-07-28"], capabilities: {} }), "modern"],
    [result({ supportedVersions: ["2025-11-25", "2026-07-28"], capabilities: {} }), "modern"],
    [result({ supportedVersions: ["2025-11-25"], capabilities: {} }), "legacy"],
    [result({}), "legacy"],
    [result(null), "legacy"],
    [error({ code: -32601, message: "" }), "legacy"],
    [error({ code: -32022, message: "", data: { supported: ["2030-01-01"] } }), "unsupported"],
    [error({ code: -32022, message: "", data: { supported: "2030-01-01" } }), "legacy"],
    [error({ code: -32022, message: "" }), "legacy"],
    [error("no"), "legacy"],
  ] as const)("%j is of a server that is %s", (reply, kind) => {
    expect(judgeDiscover(reply).kind).toBe(kind);
  });

  test("names revisions that are texts, and not too many", () => {
    const supported = [1, null, ...Array.from({ length: 100 }, (_, n) => `3000-01-${n}`)];
    const verdict = judgeDiscover(error({ code: -32022, message: "", data: { supported } }));
    expect(verdict.kind === "unsupported" && verdict.supported.length).toBe(20);
  });
});

describe("an answer to initialize", () => {
  test.each([
    [result({ protocolVersion: "2025-11-25", capabilities: {} }), "legacy"],
    [result({ protocolVersion: "2025-11-25" }), "legacy"],
    [result({}), "refused"],
    [error({ code: -32022, message: "", data: { supported: ["2026-07-28"] } }), "modern"],
    [error({ code: -32022, message: "", data: { supported: ["2025-11-25", "2030-01-01"] } }), "modern"],
    // One that lists handshakes alone would have one.
    [error({ code: -32022, message: "", data: { supported: ["2025-11-25"] } }), "refused"],
    [error({ code: -32022, message: "", data: { supported: [] } }), "refused"],
    [error({ code: -32602, message: "", data: { supported: ["2026-07-28"] } }), "refused"],
    [error({ code: -32601, message: "" }), "refused"],
    [error(undefined), "refused"],
  ] as const)("%j is of a server that is %s", (reply, kind) => {
    expect(judgeInitialize(reply).kind).toBe(kind);
  });
});
