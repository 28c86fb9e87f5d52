import { isRecord } from "../base/record.ts";
import { type IdKey, idKey } from "./message.ts";

/** Most messages have no such member, and a search for its name costs next to nothing. */
const PROGRESS_TOKEN = Buffer.from('"progressToken"');

/** The token under which a request wants progress (`params._meta.progressToken`), as a key like an id's; undefined: none. */
export function wantedProgressOf(request: Buffer): IdKey | undefined {
  if (!request.includes(PROGRESS_TOKEN)) return undefined;
  const meta = paramsOf(request)?.["_meta"];
  return isRecord(meta) ? keyOf(meta["progressToken"]) : undefined;
}

/** The token of a `notifications/progress` (`params.progressToken`), likewise. MCP: basic utilities, progress. */
export function reportedProgressOf(notification: Buffer): IdKey | undefined {
  return keyOf(paramsOf(notification)?.["progressToken"]);
}

/** The request that a `notifications/cancelled` is about, as the key of its id. MCP: basic utilities, cancellation. */
export function cancelledRequestOf(line: Buffer): string | undefined {
  return keyOf(paramsOf(line)?.["requestId"]);
}

/** Strings and numbers as the text that the message had for them: a number's digits would not survive otherwise. */
function keyOf(raw: unknown): IdKey | undefined {
  return typeof raw === "string" ? idKey(raw) : undefined;
}

function paramsOf(line: Buffer): Record<string, unknown> | undefined {
  const message: unknown = JSON.parse(line.toString(), withSource);
  const params = isRecord(message) ? message["params"] : undefined;
  return isRecord(params) ? params : undefined;
}

const KEYS: ReadonlySet<string> = new Set(["progressToken", "requestId"]);

function withSource(name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return KEYS.has(name) && (typeof value === "string" || typeof value === "number") ? context?.source : value;
}
