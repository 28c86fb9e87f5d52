import { describe, expect, test } from "bun:test";
import { expandVariables } from "../../../src/config/allowlist/expansion.ts";

const ENVIRONMENT = { TOKEN: "t0ken", EMPTY: "", NESTED: `\${TOKEN}`, MAXIM_SECRET: "proxy's own", NUL: "a\0b" };
const expand = (value: string) => expandVariables(value, ENVIRONMENT, ["MAXIM_SECRET"]);
const braced = (name: string) => `\${${name}}`;

describe("a value of env", () => {
  test.each([
    ["plain", "plain"],
    [braced("TOKEN"), "t0ken"],
    [`Bearer ${braced("TOKEN")}!${braced("TOKEN")}`, "Bearer t0ken!t0ken"],
    [braced("EMPTY"), ""],
    [`$${braced("TOKEN")}`, braced("TOKEN")],
    ["$TOKEN $$ $", "$TOKEN $$ $"],
    [braced("env:TOKEN"), "t0ken"],
    [braced("TOKEN:-other"), "t0ken"],
    [braced("NOPE:-other"), "other"],
    [braced("EMPTY:-"), ""],
  ])("%p comes to %p", (value, expanded) => {
    expect(expand(value)).toEqual({ ok: true, value: expanded });
  });

  test("is expanded once: what a variable holds is not looked at again", () => {
    expect(expand(braced("NESTED"))).toEqual({ ok: true, value: braced("TOKEN") });
  });

  test.each(["NOPE", "constructor", "__proto__"])("that takes %s, which is not set, is refused by name", (name) => {
    expect(expand(braced(name))).toEqual({ ok: false, problem: `${name} is not set in the proxy's environment` });
  });

  test("that asks the client's user is refused with the way out", () => {
    expect(expand(braced("input:key"))).toMatchObject({
      ok: false,
      problem: expect.stringContaining("asked for an input"),
    });
  });

  test("that takes the proxy's own secret is refused", () => {
    const refused = expand(`x${braced("MAXIM_SECRET")}`);
    expect(refused).toMatchObject({ ok: false, problem: expect.stringContaining("MAXIM_SECRET") });
    expect(JSON.stringify(refused)).not.toContain("proxy's own\"");
  });

  test.each(["", "}", "A-B}", "file:TOKEN}", "TOKEN:x}", "TOKEN"].map((rest) => `\${${rest}`))(
    "%p is refused as malformed",
    (value) => {
      expect(expand(value)).toMatchObject({ ok: false, problem: expect.stringContaining("plain variable name") });
    },
  );

  test("names every unset variable, once", () => {
    const refused = expand(`${braced("A")}${braced("B")}${braced("A")}`);
    expect(refused).toEqual({
      ok: false,
      problem: "A is not set in the proxy's environment; B is not set in the proxy's environment",
    });
  });

  test("with a NUL is refused, from wherever it came", () => {
    expect(expand("a\0b").ok).toBe(false);
    expect(expand(braced("NUL")).ok).toBe(false);
  });
});
