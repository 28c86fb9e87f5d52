import { isLogLevel, LOG_LEVELS } from "../wire/envelope.ts";
import { jsonAt, stringAt } from "../wire/json-value.ts";
import type { IncomingRequest, ServerSide } from "./server-side.ts";

// Requests that the proxy answers itself, for a session as a whole. All answer with `"result":…` or `"error":…` as JSON text.

/** `resources/subscribe` and `resources/unsubscribe` (2025-11-25, server/resources, "Subscriptions"). @throws ProxyError as a start does. */
export async function answerSubscription({ line, method }: IncomingRequest, side: ServerSide): Promise<string> {
  const uri = stringAt(line, ["params", "uri"]);
  if (uri === undefined) return '"error":{"code":-32602,"message":"params.uri must be a string."}';
  const refusal = method === "resources/subscribe" ? await side.subscribe(uri) : await side.unsubscribe(uri);
  return typeof refusal === "string" ? `"error":${refusal}` : '"result":{}';
}

/** `logging/setLevel` (2025-11-25, server/utilities/logging). @param hasLogging whether the server has log messages. */
export function answerSetLevel({ line }: IncomingRequest, side: ServerSide, hasLogging: boolean): string {
  if (!hasLogging) return '"error":{"code":-32601,"message":"The server has no log messages."}';
  const level = jsonAt(line, ["params", "level"]);
  if (!isLogLevel(level))
    return `"error":{"code":-32602,"message":"params.level must be one of ${LOG_LEVELS.join(", ")}."}`;
  side.setLogLevel(level);
  return '"result":{}';
}
