import type { TSchema } from "typebox";
import type { TLocalizedValidationError } from "typebox/error";
import { Settings } from "typebox/system";
import { Errors } from "typebox/value";
import { describeKind, describePath, describeValue, type Fault } from "../fault.ts";
import { isForeignKey } from "./foreign-keys.ts";
import { suggest } from "./suggestion.ts";

type Path = readonly (string | number)[];

/** Keys of remote servers in the ecosystem's configuration files; a schema error about them is no spelling mistake. */
const REMOTE_KEYS: readonly unknown[] = ["url", "headers", "serverUrl", "httpUrl", "headersHelper"];

/** What other clients call `mcpServers`. */
const SERVER_KEYS: readonly string[] = ["servers", "context_servers", "mcp_servers", "mcp"];

const MAX_ERRORS = 1000;

/**
 * Everything in which a value departs from its schema, one fault a place.
 *
 * @param file name of the file, for the place.
 */
export function schemaFaults(file: string, schema: TSchema, value: unknown): Fault[] {
  const faults = new Map<string, Fault>();
  for (const error of withoutOtherBranches(allErrors(schema, value), schema, value)) {
    const path = instancePath(error.instancePath, value);
    const node = at(schema, segments(error.schemaPath));
    for (const { path: place, problem } of describe(error, path, node, value)) {
      const where = place.length === 0 ? file : `${file}: ${describePath(place)}`;
      // The first is the most basic one: a wrong type, before a pattern that it fails, too.
      if (!faults.has(where)) faults.set(where, { where, problem });
    }
  }
  return [...faults.values()];
}

/** TypeBox stops at 8 errors by default, for the sake of servers; a file is to be corrected in one go. */
function allErrors(schema: TSchema, value: unknown): TLocalizedValidationError[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: MAX_ERRORS });
  try {
    return Errors(schema, value);
  } finally {
    Settings.Set({ maxErrors });
  }
}

interface Found {
  readonly path: Path;
  readonly problem: string;
}

function describe(error: TLocalizedValidationError, path: Path, node: unknown, root: unknown): Found[] {
  // Reported under the keyword that has the names.
  if (error.keyword === "boolean") return [];
  if (error.keyword === "additionalProperties") {
    return error.params.additionalProperties.map((key) => ({
      path: [...path, key],
      problem: unknownKey(key, path, node),
    }));
  }
  if (error.keyword === "required") {
    // Inside oneOf it is one of the alternatives, and the fault of the whole says so.
    if (error.schemaPath.includes("/oneOf/")) return [];
    return error.params.requiredProperties.map((key) => ({ path: [...path, key], problem: "it is required" }));
  }
  if (error.keyword === "dependencies") {
    return [{ path: [...path, error.params.property], problem: `it needs ${error.params.dependencies.join(" and ")}` }];
  }
  const value = at(root, path);
  if (error.keyword === "oneOf") {
    // What such an entry lacks is no command.
    if (isObject(value) && REMOTE_KEYS.some((key) => Object.hasOwn(value, String(key)))) return [];
    const both = isObject(value) && Object.hasOwn(value, "command");
    return [{ path, problem: `${expectation(node)}, got ${both ? "both" : "neither"}` }];
  }
  return [{ path, problem: `${expectation(node)}, got ${describeGot(path, value)}` }];
}

function unknownKey(key: string, path: Path, node: unknown): string {
  if (path[0] === "mcpServers" && path.length === 2 && REMOTE_KEYS.includes(key)) {
    return 'remote servers are not supported yet: an entry is a "command" with its "args"';
  }
  if (path.length === 0 && SERVER_KEYS.includes(key)) return "unknown key: the servers stand under mcpServers here";
  // A record takes any key of a certain form, and then a key that it does not take lacks the form.
  const isEntry = path[0] === "mcpServers" && path.length === 2;
  const known = isObject(node) && isObject(node["properties"]) ? Object.keys(node["properties"]) : undefined;
  // Nobody who errs in one of our keys means one of another client's.
  const properties = isEntry ? known?.filter((name) => !isForeignKey(name)) : known;
  if (properties === undefined) return `not a name that can stand here: ${expectation(node)}`;
  const near = suggest(key, properties);
  return `unknown key${near === undefined ? `: expected one of ${properties.join(", ")}` : `: did you mean ${near}?`}`;
}

/** Values under env and args are nobody's to see: tokens stand there. */
function describeGot(path: Path, value: unknown): string {
  const secret = path.includes("env") || path.includes("args") || Array.isArray(value);
  return secret ? describeKind(value) : describeValue(value);
}

function expectation(node: unknown): string {
  const message = isObject(node) ? node["errorMessage"] : undefined;
  return typeof message === "string" ? message : "expected something else";
}

/**
 * A value that fits none of several alternatives fails each in its own way. Where the alternatives differ in JSON type, only
 * the one of the value's type was meant, and only its faults help; where none has that type, the fault of the whole does.
 */
function withoutOtherBranches(
  all: TLocalizedValidationError[],
  schema: TSchema,
  value: unknown,
): TLocalizedValidationError[] {
  let errors = all;
  for (const union of all.filter((error) => error.keyword === "anyOf")) {
    const branches = at(schema, [...segments(union.schemaPath), "anyOf"]);
    const type = jsonType(at(value, instancePath(union.instancePath, value)));
    const meant = Array.isArray(branches)
      ? branches.findIndex((branch) => isObject(branch) && branch["type"] === type)
      : -1;
    const scalar = type !== "object" && type !== "array";
    const kept = meant === -1 || scalar ? undefined : `${union.schemaPath}/anyOf/${meant}`;
    errors = errors.filter((error) => {
      if (error === union) return kept === undefined;
      const inside =
        isUnder(error.schemaPath, `${union.schemaPath}/anyOf`) && isUnder(error.instancePath, union.instancePath);
      return !inside || (kept !== undefined && isUnder(error.schemaPath, kept));
    });
  }
  return errors;
}

function isUnder(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`);
}

/** The keys of a JSON pointer (RFC 6901); a schema path begins with "#". */
function segments(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The same for a value, with the places in lists as numbers. */
function instancePath(pointer: string, root: unknown): Path {
  const path: (string | number)[] = [];
  for (const key of segments(pointer)) path.push(Array.isArray(at(root, path)) ? Number(key) : key);
  return path;
}

function at(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) {
    // Own keys only: a file may name a server "constructor".
    value =
      (isObject(value) || Array.isArray(value)) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}
