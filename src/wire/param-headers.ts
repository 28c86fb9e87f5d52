import { isRecord } from "../base/record.ts";
import { differingHeader, missingHeader, shownValue, unreadableHeader } from "./header-faults.ts";
import { decodeHeaderValue } from "./mcp-headers.ts";

/** A header that repeats an argument of a tool: its name in lower case, and the path of the argument in `params.arguments`. */
export interface ParamHeader {
  readonly header: string;
  readonly path: readonly string[];
  readonly type: "string" | "integer" | "boolean";
}

const ANNOTATION = "x-mcp-header";
const PREFIX = "mcp-param-";

/** A field name of RFC 9110, section 5.1, which is a token of section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Bounds on a schema, which a server may have sent in any size; far above what a tool's arguments need. */
const MAX_DEPTH = 64;
const MAX_NODES = 20_000;

/** Keywords of JSON Schema, today's and those of earlier drafts, that hold a schema or a list of schemas. */
const SCHEMA_KEYWORDS = [
  "additionalItems",
  "additionalProperties",
  "allOf",
  "anyOf",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "oneOf",
  "prefixItems",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
];

/** Keywords that hold schemas under names, apart from `properties`. */
const NAMED_SCHEMA_KEYWORDS = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties"];

/** A schema still to be looked at; no path: it cannot be reached by `properties` alone. */
interface Node {
  readonly schema: unknown;
  readonly path: readonly string[] | undefined;
  readonly depth: number;
}

/**
 * The headers that a tool asks its clients for, by `x-mcp-header` in its input schema.
 *
 * Only places where JSON Schema expects a schema are looked at: an argument may be called `x-mcp-header`, and a default
 * value may have a member of that name.
 *
 * @returns "invalid": an annotation breaks a rule (empty, no token, not unique, no string, integer or boolean, not reached by
 *   `properties` alone), or the schema is deeper than 64 levels or has more than 20,000 parts. Clients must leave such a
 *   tool out, so there is nothing to hold them to. MCP 2026-07-28: tools, "x-mcp-header".
 */
export function paramHeadersOf(inputSchema: unknown): readonly ParamHeader[] | "invalid" {
  const found = new Map<string, ParamHeader>();
  const nodes: Node[] = [{ schema: inputSchema, path: [], depth: 0 }];
  // Breadth first, in the order of the schema; the list is never cut, so that its length is the count to bound.
  for (const node of nodes) {
    if (!isRecord(node.schema)) continue;
    if (Object.hasOwn(node.schema, ANNOTATION)) {
      const wanted = annotationOf(node.schema, node.path);
      if (wanted === undefined || found.has(wanted.header)) return "invalid";
      found.set(wanted.header, wanted);
    }
    for (const part of partsOf(node.schema, node)) {
      if (nodes.length === MAX_NODES || part.depth > MAX_DEPTH) return "invalid";
      nodes.push(part);
    }
  }
  return [...found.values()];
}

/** The header that an annotated schema asks for; undefined: the annotation breaks a rule. */
function annotationOf(
  schema: Readonly<Record<string, unknown>>,
  path: readonly string[] | undefined,
): ParamHeader | undefined {
  const name = schema[ANNOTATION];
  const type = schema["type"];
  // The root is no argument.
  if (path === undefined || path.length === 0) return undefined;
  if (typeof name !== "string" || !TOKEN.test(name)) return undefined;
  if (type !== "string" && type !== "integer" && type !== "boolean") return undefined;
  return { header: PREFIX + name.toLowerCase(), path, type };
}

function* partsOf(schema: Readonly<Record<string, unknown>>, { path, depth }: Node): Generator<Node> {
  const below = depth + 1;
  for (const [name, part] of entriesOf(schema["properties"])) {
    yield { schema: part, path: path === undefined ? undefined : [...path, name], depth: below };
  }
  for (const keyword of SCHEMA_KEYWORDS) {
    if (!Object.hasOwn(schema, keyword)) continue;
    const held = schema[keyword];
    const parts: readonly unknown[] = Array.isArray(held) ? held : [held];
    for (const part of parts) yield { schema: part, path: undefined, depth: below };
  }
  for (const keyword of NAMED_SCHEMA_KEYWORDS) {
    for (const [, part] of entriesOf(schema[keyword])) yield { schema: part, path: undefined, depth: below };
  }
}

/**
 * Holds the `Mcp-Param-…` headers of a `tools/call` to its arguments.
 *
 * A header is expected where the argument is there and not null, and must say the same after decoding: integers
 * as numbers (`42.0` is 42), within ±(2^53 - 1), all else as text. A header without its argument is a mismatch as well: it
 * claims a value that the body does not have. An argument of another type than the schema's is the server's to refuse,
 * with or without a header that says the same.
 *
 * @param args `params.arguments`, parsed; what is no object has no arguments.
 * @param header the raw value of a header by its name in lower case; null: not there.
 * @returns undefined: they agree; else a sentence for the `HeaderMismatch` error. MCP 2026-07-28: Streamable HTTP, "Server
 *   Behavior for Custom Headers".
 */
export function paramHeaderMismatch(
  wanted: readonly ParamHeader[],
  args: unknown,
  header: (name: string) => string | null,
): string | undefined {
  for (const one of wanted) {
    const mismatch = mismatchOf(one, argumentAt(args, one.path), header(one.header));
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

function mismatchOf({ header, path, type }: ParamHeader, value: unknown, raw: string | null): string | undefined {
  const source = `the argument ${shownValue(path.join("."))}`;
  const isAbsent = value === undefined || value === null;
  const expected = textOf(value);
  if (raw === null) {
    if (isAbsent || !isOfType(value, type)) return undefined;
    return isUnsafe(value) ? unrepeatable(header, source) : missingHeader(header, source, expected);
  }
  const came = decodeHeaderValue(raw);
  if (came === undefined) return unreadableHeader(header, raw);
  if (isAbsent) return `The ${header} header must be left out: the body does not have ${source}.`;
  if (expected === undefined) return `The ${header} header must be left out: ${source} is an object or a list.`;
  if (type !== "integer" || typeof value !== "number") {
    return came === expected ? undefined : differingHeader(header, came, source, expected);
  }
  if (isUnsafe(value)) return unrepeatable(header, source);
  return INTEGER.test(came) && Number(came) === value ? undefined : differingHeader(header, came, source, expected);
}

function unrepeatable(header: string, source: string): string {
  return `The ${header} header can repeat only integers from -(2^53 - 1) to 2^53 - 1, and ${source} of the body is another number.`;
}

/** Whether a value is a number that is no integer, or one of which the digits were lost in parsing. */
function isUnsafe(value: unknown): boolean {
  return typeof value === "number" && !Number.isSafeInteger(value);
}

/**
 * An integer in decimal, as JSON may write it too. A fraction of anything but zeros is refused here, since a number
 * would be rounded: 9007199254740991.0000001 is not the integer that it becomes.
 */
const INTEGER = /^-?(?:0|[1-9]\d*)(?:\.0+)?$/;

function isOfType(value: unknown, type: ParamHeader["type"]): boolean {
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

/** The text that stands for a value in a header; undefined: no text does. */
function textOf(value: unknown): string | undefined {
  return typeof value === "object" || value === undefined ? undefined : String(value);
}

/** The value at a path of members that are the objects' own: `constructor` is in every object otherwise. */
function argumentAt(args: unknown, path: readonly string[]): unknown {
  let value = args;
  for (const name of path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}
