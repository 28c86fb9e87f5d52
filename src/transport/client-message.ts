import { ProxyError } from "../base/errors.ts";
import type { RawMessage } from "../link/link.ts";
import { arrayElements } from "../wire/batch.ts";
import { replaceLineBreaks } from "../wire/event-stream.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { type Message, type MessageFlaw, readMessage } from "../wire/message.ts";
import { withoutNullMembers } from "../wire/null-members.ts";

/** As many requests as a session may have in flight. */
const MAX_BATCH = 100;

const REFUSALS: Readonly<
  Record<
    Exclude<MessageFlaw, "null-members">,
    { readonly code: "invalid_json" | "invalid_request"; readonly message: string }
  >
> = {
  "not-utf8": { code: "invalid_json", message: "The body is not valid UTF-8." },
  "not-json": { code: "invalid_json", message: "The body is not valid JSON." },
  "too-deep": { code: "invalid_request", message: "The body is nested too deeply." },
  "not-object": { code: "invalid_request", message: "The body must be one JSON-RPC 2.0 message, which is an object." },
  array: {
    code: "invalid_request",
    message: "Batches are not supported here: send one JSON-RPC 2.0 message a request.",
  },
  ambiguous: {
    code: "invalid_request",
    message: "A member of the message comes twice, or in another case than JSON-RPC's.",
  },
  "not-jsonrpc": {
    code: "invalid_request",
    message: "The body must be a JSON-RPC 2.0 request, notification or response.",
  },
  "bad-id": { code: "invalid_request", message: "The id of a request must be a string or a number." },
};

/**
 * Takes a request body for one message or a batch of them (JSON-RPC 2.0, section 6).
 * @throws ProxyError invalid_json, invalid_request.
 */
export function readClientMessages(
  body: Buffer,
  scan: JsonScanner,
): { readonly messages: readonly RawMessage[]; readonly isBatch: boolean } {
  const message = readMessage(body, scan);
  if (message !== "array") return { messages: [rawMessage(body, message, scan)], isBatch: false };
  const elements = arrayElements(body);
  if (elements.length === 0) throw new ProxyError("invalid_request", { message: "A batch must not be empty." });
  if (elements.length > MAX_BATCH) {
    throw new ProxyError("invalid_request", {
      message: `A batch may have ${MAX_BATCH} messages, not ${elements.length}.`,
    });
  }
  return { messages: elements.map((element) => readClientMessage(element, scan)), isBatch: true };
}

/**
 * Takes a request body for one message, and makes it one line in place, for stdio. Members that are null and mean nothing are left out.
 * @throws ProxyError invalid_json, invalid_request.
 */
export function readClientMessage(body: Buffer, scan: JsonScanner): RawMessage {
  return rawMessage(body, readMessage(body, scan), scan);
}

function rawMessage(body: Buffer, message: Message | MessageFlaw, scan: JsonScanner): RawMessage {
  if (message === "null-members") {
    // Servers of the official SDKs ignore a request whose params are null, and its client would wait for ever.
    const tidy = withoutNullMembers(body);
    return rawMessage(tidy, readMessage(tidy, scan, true), scan);
  }
  if (typeof message === "string") {
    const { code, message: text } = REFUSALS[message];
    throw new ProxyError(code, { message: text });
  }
  replaceLineBreaks(body);
  return { line: body, message };
}
