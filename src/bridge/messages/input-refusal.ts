import { textAt, valueAt } from "../../wire/json-edit.ts";
import { missingCapability } from "./capabilities.ts";
import type { InputRequired } from "./legacy-client-modern-server.ts";

const INTERNAL_ERROR = -32603;

/** The error object of a JSON-RPC answer. */
export interface InputRefusal {
  readonly code: number;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * Why a legacy client cannot be asked for what a modern server wants; undefined: it can. A server must ask for something or give a
 * state, and only for what its client has declared (2026-07-28, basic/patterns/mrtr, "Server Requirements"): one that does not is asked no further.
 *
 * @param capabilities what the client has declared.
 */
export function inputRefusal(
  { requests, requestState }: InputRequired,
  capabilities: Readonly<Record<string, unknown>>,
): InputRefusal | undefined {
  // The same request again would get the same answer, and may do its work each time.
  if (requests.size === 0 && requestState === undefined)
    return { code: INTERNAL_ERROR, message: "The server wants input, but does not say what." };
  for (const { method, params } of requests.values()) {
    const missing = missingCapability({ method, mode: modeOf(method, params) }, capabilities);
    if (missing === undefined) continue;
    if (missing === "unknown")
      return {
        code: INTERNAL_ERROR,
        message: "The server wants something of the client that no client can be asked for.",
      };
    const message = `The server needs a capability that the client has not declared: ${JSON.stringify(missing)}.`;
    return { code: INTERNAL_ERROR, message, data: { requiredCapabilities: missing } };
  }
  return undefined;
}

function modeOf(method: string, params: string): unknown {
  if (method !== "elicitation/create") return undefined;
  const bytes = Buffer.from(params);
  const mode = valueAt(bytes, ["mode"]);
  return mode === undefined ? undefined : JSON.parse(textAt(bytes, mode));
}
