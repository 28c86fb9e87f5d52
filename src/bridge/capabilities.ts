type Fields = Readonly<Record<string, unknown>>;

/** What of a client's capabilities both eras have, by the same name and with the same meaning. */
const SHARED = ["elicitation", "sampling", "roots", "experimental"] as const;

/** Capabilities under which a server may want something of its client. */
const ASKING = ["elicitation", "sampling", "roots"] as const;

/** Requests that a server makes of its client, and the capability that each of them needs. */
const CAPABILITY_OF: ReadonlyMap<string, (typeof ASKING)[number]> = new Map([
  ["elicitation/create", "elicitation"],
  ["sampling/createMessage", "sampling"],
  ["roots/list", "roots"],
]);

/** The capabilities that the other era knows too; the order of the names is always the same. */
export function sharedCapabilities(capabilities: Fields): Fields {
  const shared: Record<string, unknown> = {};
  for (const name of SHARED) {
    const value = capabilities[name];
    if (typeof value === "object" && value !== null) shared[name] = sortedCopy(value);
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

/** Objects that say the same become the same text. */
function sortedCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedCopy);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sortedCopy(member)]),
  );
}
