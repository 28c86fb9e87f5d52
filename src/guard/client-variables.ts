import { ProxyError } from "../base/errors.ts";
import type { ClientVariablePolicy, ClientVariableRule, Server } from "../process/server.ts";
import { isDeniedVariable } from "./denylist.ts";
import { parseVariableHeader, variableHeaderOf } from "./variable-header.ts";

/** The variables that a client brings for its child, or why the request is refused. The message never quotes a value. */
export type ClientVariables =
  | { readonly ok: true; readonly variables: ReadonlyMap<string, string> }
  | {
      readonly ok: false;
      readonly code: "client_variable_refused" | "client_variable_missing" | "bad_header";
      readonly message: string;
    };

/** More variables than any known server takes; the bound keeps a request from being all variables. */
const MAX_VARIABLES = 64;

/** Longest value in bytes, as sent: 8 KiB, half of what Bun takes as a whole request head. */
const MAX_VALUE_BYTES = 8192;

const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const ASCII = /^[\x20-\x7e]*$/;

/**
 * Reads the client variables of a request and holds them to the policy of the server that it opens.
 *
 * Nothing is dropped in silence: a variable that the server does not take is refused by name, and a required one that is
 * absent or empty is asked for, all before anything is spawned. With declared names, membership is all that counts (the
 * configuration has held the declarations to the denylist); with `"*"` the denylist does.
 *
 * Two headers of one name reach us joined as `a, b`, and nothing in `Headers` can show it: only a declared `pattern` that
 * has no comma refuses them.
 */
export function readClientVariables(headers: Headers, policy: ClientVariablePolicy): ClientVariables {
  const variables = new Map<string, string>();
  for (const [header, raw] of headers) {
    const parsed = parseVariableHeader(header);
    if (parsed.kind === "other") continue;
    if (parsed.kind === "malformed") {
      return badHeader(
        `The header ${shorten(header)} names no variable: after ENV_ comes a letter, then letters, digits and underscores, at most 64 in all.`,
      );
    }
    const { name } = parsed;
    if (variables.has(name)) return badHeader(`The client variable ${name} was sent in both spellings; send it once.`);
    if (variables.size === MAX_VARIABLES) return badHeader(`A request may carry ${MAX_VARIABLES} client variables.`);

    const rule = policy === "*" ? undefined : policy.get(name);
    if (policy === "*" ? isDeniedVariable(name) : rule === undefined) return refused(notTaken(name));

    const value = decode(raw);
    if (value === undefined || !isSafe(value)) {
      return refused(
        `The value of ${variableHeaderOf(name)} must be text in UTF-8 without control characters, at most ${MAX_VALUE_BYTES} bytes, and not begin with "()".`,
      );
    }
    if (rule !== undefined) {
      const complaint = breach(name, value, rule);
      if (complaint !== undefined) return refused(complaint);
    }
    variables.set(name, value);
  }
  return policy === "*" ? { ok: true, variables } : checkRequired(variables, policy);
}

/**
 * Takes the client's variables from the headers of a request that opens a session.
 * @throws ProxyError bad_header, client_variable_refused, client_variable_missing.
 */
export function readVariables(headers: Headers, server: Server): ReadonlyMap<string, string> {
  const read = readClientVariables(headers, server.clientEnv);
  if (!read.ok) throw new ProxyError(read.code, { message: read.message });
  return read.variables;
}

function checkRequired(
  variables: ReadonlyMap<string, string>,
  policy: ReadonlyMap<string, ClientVariableRule>,
): ClientVariables {
  const missing: string[] = [];
  for (const [name, rule] of policy) {
    if (rule.required && (variables.get(name) ?? "") === "") missing.push(variableHeaderOf(name));
  }
  if (missing.length === 0) return { ok: true, variables };
  const message = `This server needs ${missing.length === 1 ? "the header" : "the headers"} ${missing.join(", ")}.`;
  return { ok: false, code: "client_variable_missing", message };
}

/** What a value does against its rule, in a sentence; an empty value of a required variable counts as missing instead. */
function breach(name: string, value: string, rule: ClientVariableRule): string | undefined {
  if (value === "" && rule.required) return undefined;
  if (value.length > rule.maxLength) {
    return `The value of ${variableHeaderOf(name)} is ${value.length} characters long; this server takes at most ${rule.maxLength}.`;
  }
  if (rule.pattern !== undefined && !matchesWhole(rule.pattern, value)) {
    return `The value of ${variableHeaderOf(name)} does not have the form that this server asks for: ${rule.pattern.source}`;
  }
  return undefined;
}

/** Compiled here so that an operator who leaves out ^ and $ does not open a hole; once a session, so its cost is none. */
function matchesWhole(pattern: RegExp, value: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gym]/g, "")).test(value);
}

/** Bun decodes header values as Latin-1, so UTF-8 arrives one character a byte; what is not UTF-8 either is refused. */
function decode(raw: string): string | undefined {
  if (raw.length > MAX_VALUE_BYTES) return undefined;
  if (ASCII.test(raw)) return raw;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(raw, "latin1"));
  } catch {
    return undefined;
  }
}

/** "()" is how an exported shell function begins: CVE-2014-6271. Bun.spawn throws on NUL and prints the value. */
function isSafe(value: string): boolean {
  return !value.startsWith("()") && !CONTROL.test(value);
}

function notTaken(name: string): string {
  return isDeniedVariable(name)
    ? `This server does not take ${name} from a client: it can change what the server runs. The operator can set it in the entry's "env".`
    : `This server does not take the client variable ${name}. The operator can allow it in the server's entry: "clientEnv": ["${name}"].`;
}

function refused(message: string): ClientVariables {
  return { ok: false, code: "client_variable_refused", message };
}

function badHeader(message: string): ClientVariables {
  return { ok: false, code: "bad_header", message };
}

function shorten(header: string): string {
  return header.length <= 80 ? header : `${header.slice(0, 80)}…`;
}
