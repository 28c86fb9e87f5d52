/** A value with its variables filled in, or what is wrong with it. */
export type Expansion =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: string };

/** `${NAME}`; `${env:NAME}` as VS Code and Cursor write it; `${NAME:-default}` as shells and Claude Code do; `$${`, or a `${` of no meaning. */
const REFERENCE = /\$\$\{|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{(input:)?/g;

/**
 * Fills in `${NAME}` in a value of `env` from the proxy's environment; `$${` stands for a plain `${`, and a `$` without a
 * brace for itself. An unset variable without a default is a fault, since a server that starts without its token fails in ways that are
 * hard to read; a set but empty one is not.
 *
 * @param withheld names of the proxy's own secrets, which no child may see.
 */
export function expandVariables(
  value: string,
  environment: Readonly<Record<string, string | undefined>>,
  withheld: readonly string[],
): Expansion {
  const problems: string[] = [];
  const expanded = value.replace(REFERENCE, (found: string, name: unknown, fallback: unknown, input: unknown) => {
    if (found === "$${") return "${";
    if (typeof name !== "string") {
      problems.push(
        input === undefined
          ? `expected \${NAME} with a plain variable name; a literal \${ is written $\${`
          : `nobody is there to be asked for an input: set a variable on the proxy and write \${NAME}`,
      );
    } else if (withheld.includes(name)) {
      problems.push(`${name} is the proxy's own secret, which no server may see`);
    } else {
      // Own properties only: "constructor" is no environment variable.
      const variable = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (typeof fallback === "string") return variable === undefined || variable === "" ? fallback : variable;
      if (variable === undefined) problems.push(`${name} is not set in the proxy's environment`);
      return variable ?? "";
    }
    return "";
  });
  if (problems.length > 0) return { ok: false, problem: [...new Set(problems)].join("; ") };
  return expanded.includes("\0")
    ? { ok: false, problem: "a value cannot hold a NUL character" }
    : { ok: true, value: expanded };
}
