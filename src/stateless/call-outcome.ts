import type { ProxyError } from "../base/errors.ts";
import { ASKING_METHODS, missingCapability } from "../bridge/messages/capabilities.ts";
import { toModernAnswer, urlElicitationsOf, withMissingUri } from "../bridge/messages/modern-client-legacy-server.ts";
import { capabilityMissing } from "../bridge/messages/rounds.ts";
import type { Identity } from "../link/identity.ts";
import { stringAt } from "../wire/json-value.ts";
import type { Round } from "./round.ts";

/** How a call of a legacy child ends for its client. */
export type CallOutcome =
  | { readonly kind: "answer"; readonly line: Buffer }
  /** The client is sent to URLs (JSON text of elicitations, by key), and calls again when it has been there. */
  | { readonly kind: "sent-away"; readonly requests: ReadonlyMap<string, string> }
  | { readonly kind: "failed"; readonly error: ProxyError };

/** What a legacy child's answer means to the modern client whose request (`round`) it answers. */
export function outcomeOf(answer: Buffer, { method, envelope, line }: Round, identity: Identity): CallOutcome {
  const urls = ASKING_METHODS.has(method) ? urlElicitationsOf(answer) : undefined;
  if (urls !== undefined) {
    const missing = missingCapability({ method: "elicitation/create", mode: "url" }, envelope.capabilities);
    if (typeof missing === "object") return { kind: "failed", error: capabilityMissing(missing) };
    return { kind: "sent-away", requests: new Map(urls.map((url, index) => [`elicitation-${index + 1}`, url])) };
  }
  const modern = toModernAnswer(answer, method, identity);
  const uri = method === "resources/read" ? stringAt(line, ["params", "uri"]) : undefined;
  return { kind: "answer", line: uri === undefined ? modern : withMissingUri(modern, uri) };
}
