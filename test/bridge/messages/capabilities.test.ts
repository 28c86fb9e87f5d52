import { describe, expect, test } from "bun:test";
import { mayBeAsked, missingCapability, sharedCapabilities } from "../../../src/bridge/messages/capabilities.ts";

describe("the capabilities that both eras know", () => {
  test("are the same text for the same meaning, without what only one era has", () => {
    const shared = (capabilities: Readonly<Record<string, unknown>>): string =>
      JSON.stringify(sharedCapabilities(capabilities));
    expect(shared({ roots: { listChanged: true, a: 1 }, elicitation: {}, tasks: {}, extensions: {} })).toBe(
      '{"elicitation":{},"roots":{"listChanged":true}}',
    );
    expect(shared({ sampling: { tools: { x: 1 }, y: {} }, elicitation: { url: {}, form: {} } })).toBe(
      '{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}}}',
    );
    expect(shared({ roots: null, sampling: true, experimental: { b: [{ d: 1, c: 2 }], a: {} } })).toBe("{}");
  });

  test("let a client be asked when one of them is for that", () => {
    expect([{ roots: {} }, { sampling: {} }, { elicitation: {} }].map(mayBeAsked)).toEqual([true, true, true]);
    expect([{}, { experimental: {} }, { roots: null }, { sampling: [] }].map(mayBeAsked)).toEqual(Array(4).fill(false));
  });
});

describe("what a client lacks", () => {
  const lacks = (capabilities: Readonly<Record<string, unknown>>, method: string, mode?: unknown): unknown =>
    missingCapability({ method, mode }, capabilities);

  test.each(["roots/list", "sampling/createMessage", "elicitation/create"])(
    "for %s is the capability of that name, unless it is an object",
    (method) => {
      const name = method.replace(/\/.*/, "");
      for (const declared of [{}, { [name]: null }, { [name]: true }, { [name]: [] }])
        expect(lacks(declared, method)).toEqual({ [name]: {} });
      expect(lacks({ [name]: {} }, method)).toBeUndefined();
    },
  );

  test.each<[object, unknown, unknown]>([
    [{}, undefined, undefined],
    [{}, "form", undefined],
    [{}, "url", { elicitation: { url: {} } }],
    [{ form: {} }, "form", undefined],
    [{ form: {} }, "url", { elicitation: { url: {} } }],
    [{ url: {} }, "url", undefined],
    [{ url: {} }, "form", { elicitation: { form: {} } }],
    [{ url: {} }, undefined, { elicitation: { form: {} } }],
    [{ url: {}, form: {} }, undefined, undefined],
    [{ other: {} }, "form", undefined],
  ])("that can be elicited by %j, for the mode %s, is %j", (elicitation, mode, missing) => {
    expect(lacks({ elicitation }, "elicitation/create", mode)).toEqual(missing);
  });

  test("for a URL is the mode, too, when it has no elicitation at all", () => {
    expect(lacks({}, "elicitation/create", "url")).toEqual({ elicitation: { url: {} } });
  });

  test("cannot be told for what is no request to a client", () => {
    expect(lacks({ roots: {} }, "tools/call")).toBe("unknown");
  });
});
