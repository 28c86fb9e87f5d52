/** One thing that is wrong with the configuration. */
export interface Fault {
  /** Where to look: "mcp-sse-proxy.json: limits.sessions", "environment PORT", "flag --port". */
  readonly where: string;
  /** What was expected, what came and what to do. Never a secret, and never the value of an `env` entry. */
  readonly problem: string;
}

/** What came, for a fault: short plain values and lists of texts as they are, everything else by its kind. */
export function describeValue(value: unknown): string {
  if (typeof value === "string")
    return value.length <= 80 ? JSON.stringify(value) : `a text of ${value.length} characters`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    const text = JSON.stringify(value);
    if (text.length <= 120) return text;
  }
  return describeKind(value);
}

/** The kind of a value, for a fault at a place where values are nobody's to see. */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  if (typeof value === "boolean") return "true or false";
  return typeof value === "number" ? "a number" : "an object";
}

/** A path of keys as people write it, with keys that are not plain words in brackets: `mcpServers["my server"].args[0]`. */
export function describePath(keys: readonly (string | number)[]): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number") path += `[${key}]`;
    else if (/^[$\w-]+$/.test(key)) path += path === "" ? key : `.${key}`;
    else path += `[${JSON.stringify(key.length <= 120 ? key : `${key.slice(0, 120)}…`)}]`;
  }
  return path;
}
