import { describe, expect, test } from "bun:test";
import { inputRefusal } from "../../../src/bridge/messages/input-refusal.ts";

type Wanted = Readonly<Record<string, { readonly method: string; readonly params?: string }>>;

const refusal = (capabilities: Readonly<Record<string, unknown>>, wanted: Wanted, requestState?: string) => {
  const requests = Object.entries(wanted).map(([key, { method, params = "{}" }]) => [key, { method, params }] as const);
  return inputRefusal({ requests: new Map(requests), requestState }, capabilities);
};
const FORM = { method: "elicitation/create" };
const URL_MODE = { method: "elicitation/create", params: '{"message":"m","mode":"url"}' };
const ROOTS = { method: "roots/list" };

describe("what a server wants of a legacy client", () => {
  test("is asked for when all of it is declared, or there is only a state", () => {
    const all = { elicitation: { form: {}, url: {} }, roots: {}, sampling: {} };
    expect(refusal(all, { a: FORM, b: URL_MODE, c: ROOTS, d: { method: "sampling/createMessage" } })).toBeUndefined();
    expect(refusal({}, {}, '"s"')).toBeUndefined();
  });

  test.each<[Readonly<Record<string, unknown>>, Wanted, unknown]>([
    [{}, { a: ROOTS }, { roots: {} }],
    [{ roots: {} }, { a: ROOTS, b: FORM }, { elicitation: {} }],
    [{ elicitation: {} }, { a: URL_MODE }, { elicitation: { url: {} } }],
    [{ elicitation: { url: {} } }, { a: URL_MODE, b: FORM }, { elicitation: { form: {} } }],
    [{ elicitation: { url: {} } }, { a: { ...FORM, params: '{"mode":"form"}' } }, { elicitation: { form: {} } }],
    // Params of another shape have no mode.
    [{ elicitation: { url: {} } }, { a: { ...FORM, params: "null" } }, { elicitation: { form: {} } }],
  ])(
    "of %j is refused as a whole for one capability that is missing, which is named: %j",
    (declared, wanted, missing) => {
      const found = refusal(declared, wanted, '"s"');
      expect(found).toMatchObject({ code: -32603, data: { requiredCapabilities: missing } });
      expect(found?.message).toContain(JSON.stringify(missing));
    },
  );

  test("is refused when it is no request to a client, or nothing at all", () => {
    const all = { elicitation: {}, roots: {}, sampling: {} };
    for (const method of ["tools/call", "ping", "toString", ""])
      expect(refusal(all, { a: ROOTS, b: { method } })?.code).toBe(-32603);
    expect(refusal(all, {})?.code).toBe(-32603);
  });
});
