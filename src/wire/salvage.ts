import { brokenObject, type ChildObject, readChildObject } from "./child-object.ts";
import { replaceLineBreaks } from "./event-stream.ts";
import type { JsonScanner } from "./json-scan.ts";
import type { IdKey, Message, MessageFlaw } from "./message.ts";
import { createObjectTracker } from "./object-tracker.ts";
import { asUtf8 } from "./text-encoding.ts";

/** What a line of a child is made of, when it is not one message. */
export type Piece =
  | { readonly kind: "message"; readonly line: Buffer; readonly message: Message; readonly repairs: readonly string[] }
  /** Meant for an answer. Not sure: it stands in other text, which may only quote an answer that comes by itself. */
  | {
      readonly kind: "broken-answer";
      readonly id: IdKey | undefined;
      readonly flaw: MessageFlaw;
      readonly bytes: Buffer;
      readonly isSure: boolean;
    }
  | { readonly kind: "text"; readonly bytes: Buffer };

export interface Salvage {
  readonly pieces: readonly Piece[];
  /** What begins an object that the line does not end; sure: with nothing but filler before it. */
  readonly open: { readonly bytes: Buffer; readonly isSure: boolean } | undefined;
}

/** Brackets that begin something else are passed over, so many times, and for so many times the line's length. */
const MAX_MISSES = 64;
const MAX_PASSES = 4;

/**
 * Methods that only servers use: in the middle of other text, where a server may as well quote what its client has sent, no other
 * request or notification is taken for the server's own.
 */
const SERVER_METHODS: ReadonlySet<string> = new Set([
  "roots/list",
  "sampling/createMessage",
  "elicitation/create",
  "notifications/elicitation/complete",
  "notifications/message",
  "notifications/progress",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
  "notifications/prompts/list_changed",
  "notifications/tools/list_changed",
  "notifications/tasks/status",
  "notifications/subscriptions/acknowledged",
]);

/**
 * Takes a line apart that is not one message: a byte-order mark or colour codes around it, log text before or behind it, several
 * messages on one line or in an array, objects that can be put right. Linear in the line's length.
 */
export function salvage(line: Buffer, scan: JsonScanner): Salvage {
  const { bytes, repair } = asUtf8(line);
  const pieces: Piece[] = [];
  let textStart = 0;
  let at = 0;
  let misses = 0;
  let examined = 0;
  let isGlued = false;

  const pushText = (end: number) => {
    if (!isFiller(bytes, textStart, end)) pieces.push({ kind: "text", bytes: bytes.subarray(textStart, end) });
  };
  const push = (object: ChildObject, start: number, end: number): boolean => {
    const glued = isGlued || !isFiller(bytes, textStart, start);
    if (object.kind === "other") return false;
    if (object.kind === "message" && glued && !isServers(object.message)) return false;
    isGlued = glued;
    pushText(start);
    if (object.kind === "broken-answer") {
      pieces.push({ ...object, bytes: bytes.subarray(start, end), isSure: !glued });
    } else {
      const repairs = repair === undefined ? object.repairs : [repair, ...object.repairs];
      pieces.push({ ...object, line: onOneLine(object.line), repairs });
    }
    textStart = end;
    return true;
  };

  for (;;) {
    const start = bytes.indexOf("{", at);
    if (start === -1 || misses > MAX_MISSES || examined > MAX_PASSES * bytes.length) break;
    const end = createObjectTracker().feed(bytes, start);
    if (end === -1) {
      const next = bytes.indexOf(MESSAGE_HEAD, start + 1);
      if (next !== -1) {
        // Two that write at once: the second begins where the first breaks off.
        push(brokenObject(bytes.subarray(start, next), "not-json"), start, next);
        examined += next - start;
        at = next;
        continue;
      }
      if (mayGoOn(bytes, start)) {
        const isSure = !isGlued && isFiller(bytes, textStart, start);
        pushText(start);
        return { pieces, open: { bytes: bytes.subarray(start), isSure } };
      }
      examined += bytes.length - start;
      misses++;
      at = start + 1;
      continue;
    }
    const object = readChildObject(bytes.subarray(start, end), scan);
    if (push(object, start, end)) {
      at = end;
      continue;
    }
    examined += end - start;
    misses++;
    // An entry of a log in JSON may quote a message, which is none of its own.
    at = object.kind === "other" && object.flaw === "not-json" ? start + 1 : end;
  }
  pushText(bytes.length);
  return { pieces, open: undefined };
}

function isServers(message: Message): boolean {
  return message.kind === "response" || SERVER_METHODS.has(message.method);
}

const MESSAGE_HEAD = '{"jsonrpc"';

/** Nothing, or what may stand around a message without a meaning: blanks, control characters, a byte-order mark, colours, an array's own. */
const FILLER = /^(?:[\0-\x1a\x1c-\x20,;[\]\x7f]|\xef\xbb\xbf|\x1b\[[0-9;?]*[A-Za-z])*$/;
const FILLER_BYTES = 256;

function isFiller(bytes: Buffer, start: number, end: number): boolean {
  return start === end || (end - start <= FILLER_BYTES && FILLER.test(bytes.toString("latin1", start, end)));
}

/** Whether what stands behind the bracket is how an object may begin. */
function mayGoOn(bytes: Buffer, open: number): boolean {
  return /^\{\s*(?:$|["'}])/.test(bytes.toString("latin1", open, open + FILLER_BYTES));
}

/** Line breaks inside of its strings have been escaped: what there is stands between tokens. */
function onOneLine(line: Buffer): Buffer {
  if (!line.includes(0x0a)) return line;
  const copy = Buffer.from(line);
  replaceLineBreaks(copy);
  return copy;
}
