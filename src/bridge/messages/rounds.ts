import { ProxyError } from "../../base/errors.ts";
import type { RawMessage } from "../../link/link.ts";
import { type Envelope, isLogLevel, LOG_LEVELS, META } from "../../wire/envelope.ts";
import { applyEdits, textAt, valueAt } from "../../wire/json-edit.ts";
import { jsonAt } from "../../wire/json-value.ts";
import { errorAnswer } from "../../wire/message.ts";

/** Whether a request wants to hear a log message. */
export function isWanted({ line, message }: RawMessage, { logLevel }: Envelope): boolean {
  if (message.kind !== "notification" || message.method !== "notifications/message" || logLevel === undefined)
    return false;
  const said = jsonAt(line, ["params", "level"]);
  return !isLogLevel(said) || LOG_LEVELS.indexOf(said) >= LOG_LEVELS.indexOf(logLevel);
}

/**
 * What a server said between two requests of a call, as the second one (its line) is to be told of it: a report of progress has the
 * token of the request that it was made for. undefined: the second one does not want it.
 */
export function forNextRound(raw: RawMessage, next: Buffer, envelope: Envelope): Buffer | undefined {
  if (raw.message.kind !== "notification" || raw.message.method !== "notifications/progress")
    return isWanted(raw, envelope) ? raw.line : undefined;
  const old = valueAt(raw.line, ["params", "progressToken"]);
  const token = valueAt(next, ["params", "_meta", "progressToken"]);
  if (old === undefined || token === undefined) return undefined;
  return applyEdits(raw.line, [{ ...old, text: textAt(next, token) }]);
}

/** Whether an elicitation's answer (JSON text) says that the client did what it was asked. */
export function isAccepted(response: string): boolean {
  const answer: unknown = JSON.parse(response);
  return typeof answer === "object" && answer !== null && "action" in answer && answer.action === "accept";
}

export function declinedAnswer(rawId: string): Buffer {
  return Buffer.from(errorAnswer(rawId, -32603, "The client declined what the server needs to go on.", {}));
}

export function capabilityMissing(requiredCapabilities: Readonly<Record<string, unknown>>): ProxyError {
  const names = Object.keys(requiredCapabilities).join(", ");
  return new ProxyError("capability_missing", {
    message: `The server needs a capability that the request's clientCapabilities do not declare: ${names}.`,
    data: { requiredCapabilities },
  });
}

/** The answer goes to another request than the one that was sent to the child. */
export function withId(line: Buffer, rawId: string): Buffer {
  const span = valueAt(line, ["id"]);
  if (span === undefined || textAt(line, span) === rawId) return line;
  return Buffer.concat([line.subarray(0, span.start), Buffer.from(rawId), line.subarray(span.end)]);
}

/** The answer that ends a subscription in good order (2026-07-28, basic/patterns/subscriptions, "Graceful Closure"). */
export function subscriptionEnd(rawId: string): Buffer {
  const result = `{"resultType":"complete","_meta":{"${META.subscriptionId}":${rawId}}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":${rawId},"result":${result}}`);
}
