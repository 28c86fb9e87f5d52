import { META } from "../wire/envelope.ts";
import { applyEdits, type Edit, type Span, textAt, valueAt } from "../wire/json-edit.ts";

// On a shared child the id of a call is the link's own, and its progress token is that id, too.

const TOKEN_PATH = ["params", "_meta", "progressToken"];
const RESULT_SUBSCRIPTION_PATH = ["result", "_meta", META.subscriptionId];

/** Where a progress notification says which call it is about. */
export const PROGRESS_PATH: readonly string[] = ["params", "progressToken"];
/** Where a cancellation does. */
export const CANCELLED_PATH: readonly string[] = ["params", "requestId"];
/** Where a notification of a subscription does. */
export const SUBSCRIPTION_PATH: readonly string[] = ["params", "_meta", META.subscriptionId];

/** What a caller calls its request, and where the line says so. Ids and tokens are JSON text. */
export interface CallNames {
  readonly rawId: string;
  /** undefined: the caller wants no reports. */
  readonly rawToken: string | undefined;
  readonly spans: readonly Span[];
}

export function namesIn(line: Buffer): CallNames {
  const id = valueAt(line, ["id"]);
  // Also one whose name is spelt with escapes: the child would report under a token that may be another call's.
  const token = valueAt(line, TOKEN_PATH);
  return {
    rawId: id === undefined ? "null" : textAt(line, id),
    rawToken: token === undefined ? undefined : textAt(line, token),
    spans: [id, token].filter((span) => span !== undefined),
  };
}

/** A caller's request under the link's id. */
export function withCallId(line: Buffer, { spans }: CallNames, id: number): Buffer {
  const text = String(id);
  return applyEdits(
    line,
    spans.map((span) => ({ ...span, text })),
  );
}

/** The id of the link's own that a line has at a path, and where; NaN: something else stands there. */
export function callIdAt(
  line: Buffer,
  path: readonly string[],
): { readonly id: number; readonly span: Span } | undefined {
  const span = valueAt(line, path);
  return span === undefined ? undefined : { id: callIdOf(textAt(line, span)), span };
}

/** The number that the JSON text of an id or a token stands for; also as text: bridges of other languages answer 7 with "7". */
export function callIdOf(raw: string): number {
  const digits = /^"([1-9][0-9]*)"$/.exec(raw)?.[1];
  return Number(digits ?? raw);
}

/** The child's answer under the caller's id; of a subscription, which the result may name, too. */
export function answerUnder(line: Buffer, rawId: string, isEndless: boolean): Buffer {
  const id = valueAt(line, ["id"]);
  const edits: Edit[] = id === undefined ? [] : [{ ...id, text: rawId }];
  const subscription = isEndless ? valueAt(line, RESULT_SUBSCRIPTION_PATH) : undefined;
  if (subscription !== undefined) edits.push({ ...subscription, text: rawId });
  return applyEdits(line, edits);
}
