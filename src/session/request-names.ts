import type { RawMessage } from "../link/link.ts";
import { applyEdits, type Edit, valueAt } from "../wire/json-edit.ts";
import type { IdKey, Message } from "../wire/message.ts";
import { wantedProgressOf } from "../wire/params.ts";
import type { PendingRequest, PendingRequests } from "./pending.ts";

/** Ids of our own are numbers from here on where the client's is a number: large enough to meet few of theirs, and no more than 32 bits. */
const FIRST_NUMBER = 1_000_000_000;

const TOKEN_PATH = ["params", "_meta", "progressToken"];

/** A request as the child gets it, and what is to be remembered of it. */
export interface NamedRequest {
  readonly raw: RawMessage;
  readonly pending: PendingRequest;
}

/**
 * Names requests for the child. Some clients send each request under one id, use an id again after giving up on it, or share a
 * session between windows that count for themselves: a request whose id could be taken for another's gets one of ours towards the
 * child, and so does its progress token. All others pass as they came, byte for byte.
 */
export type NameRequest = (raw: RawMessage, message: Message & { readonly kind: "request" }) => NamedRequest;

export function createRequestNames(taken: Pick<PendingRequests, "isTaken" | "hasToken">): NameRequest {
  let count = 0;

  /** An id or token of the same type that nothing goes by. */
  const freeName = (like: IdKey): string => {
    for (;;) {
      const number = ++count;
      const name = like.startsWith('"') ? `"mcp-sse-proxy/${number}"` : String(FIRST_NUMBER + number);
      if (!(taken.isTaken(name) || taken.hasToken(name))) return name;
    }
  };

  return (raw, message) => {
    const { line } = raw;
    const { id, rawId, method } = message;
    const progressToken = wantedProgressOf(line);
    const hasClash = taken.isTaken(id);
    if (!hasClash && (progressToken === undefined || !taken.hasToken(progressToken))) {
      return { raw, pending: { id, rawId, clientId: id, clientRawId: rawId, method, progressToken } };
    }
    const childId = hasClash ? freeName(id) : id;
    const childToken = progressToken === undefined ? undefined : freeName(progressToken);
    const edits: Edit[] = [];
    const idSpan = hasClash ? valueAt(line, ["id"]) : undefined;
    if (idSpan !== undefined) edits.push({ ...idSpan, text: childId });
    const tokenSpan = childToken === undefined ? undefined : valueAt(line, TOKEN_PATH);
    if (tokenSpan !== undefined && childToken !== undefined) edits.push({ ...tokenSpan, text: childToken });
    const clientToken = tokenSpan === undefined ? undefined : line.toString("utf8", tokenSpan.start, tokenSpan.end);
    const childRawId = hasClash ? childId : rawId;
    const names = { id: childId, rawId: childRawId, clientId: id, clientRawId: rawId };
    return {
      raw: { ...raw, line: applyEdits(line, edits), message: { ...message, id: childId, rawId: childRawId } },
      pending: { ...names, method, progressToken: childToken, clientToken },
    };
  };
}

/** An answer of the child's, under the id that the client has for it, and in the client's own spelling: some compare its text. */
export function answerForClient(
  line: Buffer,
  { id, rawId = id }: Message & { readonly kind: "response" },
  { clientRawId }: Pick<PendingRequest, "clientRawId">,
): Buffer {
  const span = rawId === clientRawId ? undefined : valueAt(line, ["id"]);
  return span === undefined ? line : applyEdits(line, [{ ...span, text: clientRawId }]);
}

/** A progress report of the child's, under the token that the client has for it. */
export function progressForClient(line: Buffer, { clientToken }: PendingRequest): Buffer {
  const span = clientToken === undefined ? undefined : valueAt(line, ["params", "progressToken"]);
  return span === undefined || clientToken === undefined ? line : applyEdits(line, [{ ...span, text: clientToken }]);
}

/** A cancellation by the client, or by the child, with the id of its request as the other side has it. */
export function cancellationOf(line: Buffer, rawId: string): Buffer {
  const span = valueAt(line, ["params", "requestId"]);
  return span === undefined ? line : applyEdits(line, [{ ...span, text: rawId }]);
}
