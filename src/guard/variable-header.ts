import { isVariableName } from "./denylist.ts";

/** What the name of a request header says about client variables. */
export type VariableHeader =
  | { readonly kind: "other" }
  | { readonly kind: "malformed" }
  | { readonly kind: "variable"; readonly name: string };

const OTHER: VariableHeader = { kind: "other" };
const MALFORMED: VariableHeader = { kind: "malformed" };

/**
 * Reads the name of a request header, lower-cased as Bun delivers it, as that of a client variable.
 *
 * `env_name` stands for `NAME`. `env-name-part` stands for `NAME_PART`: the spelling for hops that drop header names with
 * underscores, as nginx does by default. Every header that begins with `env_`, or with `env-` and something after it, is
 * meant as a variable, so a name that cannot be one is malformed rather than ignored; the two spellings don't mix.
 */
export function parseVariableHeader(header: string): VariableHeader {
  if (!header.startsWith("env")) return OTHER;
  const separator = header[3];
  if (separator === "_") {
    const name = header.slice(4).toUpperCase();
    return isVariableName(name) ? { kind: "variable", name } : MALFORMED;
  }
  if (separator !== "-" || header.length === 4) return OTHER;
  const part = header.slice(4);
  const name = part.replaceAll("-", "_").toUpperCase();
  return !part.includes("_") && isVariableName(name) ? { kind: "variable", name } : MALFORMED;
}

/** The header that a client sends for a variable, as messages and documents write it. */
export function variableHeaderOf(name: string): string {
  return `ENV_${name}`;
}
