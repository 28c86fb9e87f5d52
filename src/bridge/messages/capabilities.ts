/** Requests during which a server may want something of its client (2026-07-28, basic/patterns/mrtr). */
export const ASKING_METHODS: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);
type Fields = Readonly<Record<string, unknown>>;

/**
 * What of a client's capabilities both eras have, by the same name and with the same meaning. Nothing else, and no value of
 * the client's own: children are told apart by it, so there must be few of them.
 */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  elicitation: ["form", "url"],
  sampling: ["context", "tools"],
  roots: ["listChanged"],
};

/** Capabilities under which a server may want something of its client. */
const ASKING = ["elicitation", "sampling", "roots"] as const;

/** Requests that a server makes of its client, and the capability that each of them needs. */
const CAPABILITY_OF: ReadonlyMap<string, (typeof ASKING)[number]> = new Map([
  ["elicitation/create", "elicitation"],
  ["sampling/createMessage", "sampling"],
  ["roots/list", "roots"],
]);

/** The capabilities that the other era knows too; those that say the same are the same text. */
export function sharedCapabilities(capabilities: Fields): Fields {
  const shared: Record<string, unknown> = {};
  for (const [name, features] of Object.entries(SHARED)) {
    const declared = capabilities[name];
    if (!isObject(declared)) continue;
    const known = new Map(Object.entries(declared).filter(([, value]) => value === true || isObject(value)));
    const kept = features.filter((feature) => known.has(feature));
    shared[name] = Object.fromEntries(kept.map((feature) => [feature, known.get(feature) === true ? true : {}]));
  }
  return shared;
}

/** Whether a server may ask such a client for something while it works. */
export function mayBeAsked(capabilities: Fields): boolean {
  return ASKING.some((name) => isObject(capabilities[name]));
}

/** The capabilities that a server's request needs and the client lacks; undefined: it lacks none. "unknown": it is no request to a client. */
export function missingCapability(
  request: { readonly method: string; readonly mode: unknown },
  capabilities: Fields,
): Fields | "unknown" | undefined {
  const name = CAPABILITY_OF.get(request.method);
  if (name === undefined) return "unknown";
  const declared = capabilities[name];
  if (!isObject(declared)) return { [name]: request.mode === "url" ? { url: {} } : {} };
  if (name !== "elicitation") return undefined;
  const hasUrl = "url" in declared;
  if (request.mode === "url") return hasUrl ? undefined : { elicitation: { url: {} } };
  // An empty declaration means forms, one of URLs alone does not (client/elicitation, "Capabilities").
  return hasUrl && !("form" in declared) ? { elicitation: { form: {} } } : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
