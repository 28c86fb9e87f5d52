import { isRecord } from "../base/record.ts";
import type { RawMessage } from "../link/link.ts";
import { jsonAt } from "../wire/json-value.ts";
import type { IdKey } from "../wire/message.ts";

/** The `initialize` of a legacy client. */
export interface Opening {
  readonly message: RawMessage;
  readonly id: IdKey;
  readonly rawId: string;
  /** What it says of the client and asks for: the same text for the same, and not to be turned back. */
  readonly content: string;
}

/** undefined: it is another message. */
export function openingOf(message: RawMessage): Opening | undefined {
  if (message.message.kind !== "request" || message.message.method !== "initialize") return undefined;
  const { id, rawId } = message.message;
  return { message, id, rawId, content: contentOf(jsonAt(message.line, ["params"])) };
}

/** Members in any order are the same; `_meta` is about this one request. */
function contentOf(params: unknown): string {
  const { _meta, ...content } = isRecord(params) ? params : {};
  return Bun.SHA256.hash(JSON.stringify(sorted(content)), "base64");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
