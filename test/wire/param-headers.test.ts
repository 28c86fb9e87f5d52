import { describe, expect, test } from "bun:test";
import { type ParamHeader, paramHeaderMismatch, paramHeadersOf } from "../../src/wire/param-headers.ts";

/** A property that asks for a header. */
const asking = (name: unknown, type: unknown = "string"): object => ({ type, "x-mcp-header": name });
const schemaOf = (properties: object): object => ({ type: "object", properties });

describe("paramHeadersOf", () => {
  test("finds annotated properties at any depth, by their paths", () => {
    const schema = schemaOf({
      region: asking("Region"),
      query: { type: "string" },
      limits: schemaOf({ rows: asking("Max-Rows", "integer"), dry: asking("dry_run", "boolean") }),
    });
    expect(paramHeadersOf(schema)).toEqual([
      { header: "mcp-param-region", path: ["region"], type: "string" },
      { header: "mcp-param-max-rows", path: ["limits", "rows"], type: "integer" },
      { header: "mcp-param-dry_run", path: ["limits", "dry"], type: "boolean" },
    ]);
  });

  test.each([
    ["no schema", undefined],
    ["null", null],
    ["a boolean schema", true],
    ["an empty schema", {}],
    ["properties that are no object", { properties: ["x-mcp-header"] }],
  ])("finds nothing in %s", (_, schema) => {
    expect(paramHeadersOf(schema)).toEqual([]);
  });

  test("takes a name that is an argument's, or that stands in a value, for no annotation", () => {
    const value = { "x-mcp-header": "" };
    const schema = {
      properties: {
        "x-mcp-header": { type: "string", default: value, examples: [value], enum: [value], const: value },
      },
    };
    expect(paramHeadersOf(schema)).toEqual([]);
  });

  test.each([
    ["empty", { a: asking("") }],
    ["not text", { a: asking(7) }],
    ["null", { a: asking(null) }],
    ["no token, by a space", { a: asking("My Region") }],
    ["no token, by a colon", { a: asking("Region:") }],
    ["no token, by a line end", { a: asking("Region\r\n") }],
    ["no token, by a letter outside of ASCII", { a: asking("Région") }],
    ["not unique", { a: asking("Region"), b: schemaOf({ c: asking("REGION") }) }],
    ["on a number", { a: asking("A", "number") }],
    ["on an object", { a: asking("A", "object") }],
    ["on a list of types", { a: asking("A", ["string", "null"]) }],
    ["on a property without a type", { a: { "x-mcp-header": "A" } }],
  ])("calls a schema invalid whose annotation is %s", (_, properties) => {
    expect(paramHeadersOf(schemaOf(properties))).toBe("invalid");
  });

  const misplaced = schemaOf({ a: asking("A") });
  test.each([
    ...[
      "items",
      "additionalItems",
      "unevaluatedItems",
      "additionalProperties",
      "unevaluatedProperties",
      "contains",
      "contentSchema",
      "not",
      "if",
      "then",
      "else",
      "propertyNames",
    ].map((keyword): [string, object] => [`under ${keyword}`, { [keyword]: misplaced }]),
    ...["oneOf", "anyOf", "allOf", "prefixItems", "items"].map((keyword): [string, object] => [
      `in the list of ${keyword}`,
      { [keyword]: [{}, misplaced] },
    ]),
    ...["$defs", "definitions", "patternProperties", "dependentSchemas", "dependencies"].map(
      (keyword): [string, object] => [`in one of ${keyword}`, { [keyword]: { some: misplaced } }],
    ),
  ])("calls a schema invalid with an annotation %s, in the root or in a property", (_, schema) => {
    expect(paramHeadersOf(schema)).toBe("invalid");
    expect(paramHeadersOf(schemaOf({ good: asking("Good"), bad: schema }))).toBe("invalid");
  });

  test("calls a schema invalid that is annotated itself", () => {
    expect(paramHeadersOf(asking("A"))).toBe("invalid");
  });

  test("does not follow a schema deeper than 64 levels", () => {
    const nested = (levels: number): object => {
      let schema = asking("A");
      for (let i = 0; i < levels; i++) schema = schemaOf({ a: schema });
      return schema;
    };
    expect(paramHeadersOf(nested(64))).toHaveLength(1);
    expect(paramHeadersOf(nested(65))).toBe("invalid");
    expect(paramHeadersOf(nested(5_000))).toBe("invalid");
  });

  test("does not follow a schema of more than 20,000 parts", () => {
    const wide = (parts: number): object =>
      schemaOf(Object.fromEntries(Array.from({ length: parts }, (_, i) => [`p${i}`, {}])));
    expect(paramHeadersOf(wide(19_999))).toEqual([]);
    expect(paramHeadersOf(wide(20_000))).toBe("invalid");
  });
});

/** What is said about one header, which asks for the argument `v`. */
function check(type: ParamHeader["type"], value: unknown, raw: string | null): string | undefined {
  const wanted = { header: "mcp-param-v", path: ["v"], type };
  return paramHeaderMismatch([wanted], { v: value }, (name) => (name === "mcp-param-v" ? raw : null));
}

describe("paramHeaderMismatch", () => {
  test.each([
    ["string", "us-west1", "us-west1"],
    ["string", "us-west1", " us-west1 "],
    ["string", "", ""],
    ["string", "世界", "=?base64?5LiW55WM?="],
    ["string", "SGVsbG8=", "SGVsbG8="],
    ["boolean", true, "true"],
    ["boolean", false, "false"],
    ["integer", 42, "42"],
    ["integer", 42, "42.0"],
    ["integer", -7, "-7"],
    ["integer", 0, "-0"],
    ["integer", Number.MAX_SAFE_INTEGER, "9007199254740991"],
  ] as const)("%s: %j agrees with %j", (type, value, raw) => {
    expect(check(type, value, raw)).toBeUndefined();
  });

  test.each([
    ["string", "us-west1", "US-west1"],
    ["string", "Hello", "=?base64?SGVsbG8?="],
    ["string", "é", "é"],
    ["boolean", true, "True"],
    ["boolean", true, "1"],
    ["integer", 42, "43"],
    ["integer", 42, "42.5"],
    ["integer", 42, "0x2a"],
    ["integer", 42, "4.2e1"],
    ["integer", 42, "+42"],
    ["integer", 42, "042"],
    ["integer", 0, ""],
    ["integer", 1.5, "1.5"],
    ["integer", 2 ** 53, "9007199254740992"],
    ["integer", Number.MAX_SAFE_INTEGER, "9007199254740991.0000000001"],
  ] as const)("%s: %j disagrees with %j", (type, value, raw) => {
    expect(check(type, value, raw)).toContain("mcp-param-v");
  });

  test.each([
    ["string", "a"],
    ["string", ""],
    ["boolean", false],
    ["integer", 0],
  ] as const)("%s: %j wants its header", (type, value) => {
    expect(check(type, value, null)).toContain("mcp-param-v header is missing");
  });

  test("an integer beyond 2^53 - 1 is refused without a header, too, with the reason", () => {
    expect(check("integer", -(2 ** 53), null)).toContain("from -(2^53 - 1) to 2^53 - 1");
  });

  test.each([null, undefined])("an argument that is %p wants no header, and no header may claim it", (value) => {
    expect(check("string", value, null)).toBeUndefined();
    expect(check("string", value, "a")).toContain('left out: the body does not have the argument "v"');
  });

  test.each([
    ["string", 42, "42", "43"],
    ["string", true, "true", "false"],
    ["integer", "42", "42", "42.0"],
    ["boolean", "yes", "yes", "no"],
  ] as const)(
    "%s: leaves %j, of another type, to the server, unless the header says something else",
    (type, value, same, other) => {
      expect(check(type, value, null)).toBeUndefined();
      expect(check(type, value, same)).toBeUndefined();
      expect(check(type, value, other)).toContain("mcp-param-v");
    },
  );

  test.each([[{}], [["a"]], [1.5]])("leaves %j to the server, but lets no header stand for it", (value) => {
    expect(check("integer", value, null)).toBeUndefined();
    expect(check("integer", value, String(value))).toContain("mcp-param-v");
  });

  test("reads the argument at its path, of the body's own members alone", () => {
    const wanted = [{ header: "mcp-param-v", path: ["a", "constructor"], type: "string" }] as const;
    const none = () => null;
    expect(paramHeaderMismatch(wanted, { a: { constructor: "x" } }, none)).toContain('"a.constructor"');
    for (const args of [undefined, null, "a", [], {}, { a: {} }, { a: "constructor" }, { a: ["constructor"] }]) {
      expect(paramHeaderMismatch(wanted, args, none)).toBeUndefined();
      expect(paramHeaderMismatch(wanted, args, () => "a")).toContain("does not have");
    }
    const first = [{ header: "mcp-param-v", path: ["0"], type: "string" }] as const;
    expect(paramHeaderMismatch(first, ["a"], none)).toBeUndefined();
  });

  test("checks every header that the tool asks for, and only those", () => {
    const wanted = paramHeadersOf(schemaOf({ a: asking("A"), b: asking("B") }));
    if (wanted === "invalid") throw new Error("the schema is valid");
    const headers = new Map([
      ["mcp-param-a", "1"],
      ["mcp-param-b", "2"],
      ["mcp-param-c", "é"],
    ]);
    const header = (name: string) => headers.get(name) ?? null;
    expect(paramHeaderMismatch(wanted, { a: "1", b: "2" }, header)).toBeUndefined();
    expect(paramHeaderMismatch(wanted, { a: "1", b: "3" }, header)).toContain('"3"; it is "2"');
  });
});
