import type { Static } from "typebox";
import { isDeniedVariable, isVariableName } from "../../guard/denylist.ts";
import type { ClientVariablePolicy, ClientVariableRule } from "../../process/server.ts";
import { AnyObject, ClientVariable, valid } from "../file/schema.ts";

/** Longest value of a client variable in characters, unless its entry says otherwise (THREATS 1.2). */
const DEFAULT_MAX_LENGTH = 8192;

/** A fault at a place inside `clientEnv`. */
export interface ClientEnvFault {
  readonly keys: readonly (string | number)[];
  readonly problem: string;
}

export interface ReadClientEnv {
  readonly policy: ClientVariablePolicy;
  readonly faults: readonly ClientEnvFault[];
}

/** The policy for a list of plain names: any value, none required. */
export function optionalVariables(names: readonly string[]): ClientVariablePolicy {
  return new Map(names.map((name) => [name, rule({})]));
}

/**
 * Reads `clientEnv`: `["NAME"]`, `{"NAME": {"required", "pattern", "maxLength", "allowDangerous"}}` or `"*"`. Whatever of it
 * does not fit the schema is passed over, as the schema reports it.
 *
 * A variable that can be code (the denylist) has to be named with `allowDangerous: true`: a declaration that was copied from
 * a server's documentation must not open that door by itself.
 */
export function readClientEnv(clientEnv: unknown): ReadClientEnv {
  if (clientEnv === "*") return { policy: "*", faults: [] };
  const rules = new Map<string, ClientVariableRule>();
  const faults: ClientEnvFault[] = [];
  for (const { key, name, written } of declarations(clientEnv)) {
    if (rules.has(name)) faults.push({ keys: [key], problem: `${name} is in the list twice` });
    if (isDeniedVariable(name) && written.allowDangerous !== true) {
      const problem = `${name} can make a process run code or send its traffic elsewhere; if clients are to set it, write {"${name}": {"allowDangerous": true}}`;
      faults.push({ keys: [key], problem });
    }
    const made = rule(written);
    if (made.pattern === undefined && written.pattern !== undefined) {
      faults.push({ keys: [key, "pattern"], problem: "expected a valid regular expression (ECMAScript, flag u)" });
    }
    rules.set(name, made);
  }
  return { policy: rules, faults };
}

type WrittenRule = Static<typeof ClientVariable>;

interface Declaration {
  /** Its place in `clientEnv`. */
  readonly key: string | number;
  readonly name: string;
  readonly written: WrittenRule;
}

function declarations(clientEnv: unknown): Declaration[] {
  const all = Array.isArray(clientEnv)
    ? clientEnv.map((name: unknown, index) => ({ key: index, name, written: {} }))
    : Object.entries(valid(AnyObject, clientEnv) ?? {}).map(([name, written]) => ({ key: name, name, written }));
  return all.flatMap(({ key, name, written }) => {
    const sound = valid(ClientVariable, written);
    return typeof name === "string" && isVariableName(name) && sound !== undefined
      ? [{ key, name, written: sound }]
      : [];
  });
}

function rule(written: WrittenRule): ClientVariableRule {
  return {
    required: written.required ?? false,
    pattern: written.pattern === undefined ? undefined : wholeMatch(written.pattern),
    maxLength: written.maxLength ?? DEFAULT_MAX_LENGTH,
  };
}

/** The pattern as one that the whole value must match, or undefined when it is not a regular expression. */
function wholeMatch(pattern: string): RegExp | undefined {
  try {
    // By itself first: "a)|(?:b" would be valid only inside our brackets, and no longer anchored.
    new RegExp(pattern, "u");
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return undefined;
  }
}
