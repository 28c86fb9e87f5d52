import { expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createExplain } from "../../src/base/explain.ts";

test("a failure that nobody expected is told under an id, and logged with its cause under the same one", () => {
  const lines: unknown[][] = [];
  const explain = createExplain({ error: (...line: unknown[]) => void lines.push(line) }, "a call");
  const cause = new TypeError("a secret detail");
  const { code, message, data } = explain(cause);
  expect(code).toBe("internal_error");
  expect(message).not.toContain("secret");
  expect(lines).toEqual([[{ err: cause, failureId: data?.["id"] }, "a call failed"]]);
  expect(data?.["id"]).toMatch(/^[0-9a-f]{8}$/);
});

test("an error of the catalogue is what it is, and is not logged", () => {
  const explain = createExplain({ error: () => expect.unreachable() }, "a call");
  const error = new ProxyError("child_busy");
  expect(explain(error)).toBe(error);
});
