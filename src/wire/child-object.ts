import { withSoundError } from "./error-shape.ts";
import { applyEdits, insertMembers, membersOf, textAt } from "./json-edit.ts";
import type { JsonScanner } from "./json-scan.ts";
import { spaceEnd, valueEnd } from "./json-walk.ts";
import { type IdKey, idKey, type Message, type MessageFlaw, readMessage } from "./message.ts";
import { withoutNullMembers } from "./null-members.ts";
import { withSoundTokens } from "./sound-tokens.ts";

/** What a child's object turned out to be. */
export type ChildObject =
  /** A message; `repairs` say in words what had to be put right. */
  | { readonly kind: "message"; readonly line: Buffer; readonly message: Message; readonly repairs: readonly string[] }
  /** Meant for an answer, and none. `id`: of the request that it was for, if that can be read; its JSON text is `rawId`. */
  | { readonly kind: "broken-answer"; readonly id: IdKey | undefined; readonly flaw: MessageFlaw }
  /** Something else. */
  | { readonly kind: "other"; readonly flaw: MessageFlaw };

const MEMBERS: ReadonlySet<string> = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);
const VERSION = '"jsonrpc":"2.0"';

/**
 * Reads an object that a child wrote and that is no message as it stands, or not one for strict eyes; puts right what can mean
 * one thing only, byte for byte otherwise.
 */
export function readChildObject(bytes: Buffer, scan: JsonScanner): ChildObject {
  let line = bytes;
  const repairs: string[] = [];
  let message = readMessage(line, scan);
  if (message === "not-json") {
    const sound = withSoundTokens(line);
    if (sound.repairs.length > 0) {
      line = sound.bytes;
      repairs.push(...sound.repairs);
      message = readMessage(line, scan);
    }
  }
  if (message === "null-members") {
    line = withoutNullMembers(line);
    if (line !== bytes) repairs.push("members that are null");
    message = readMessage(line, scan, true);
  }
  if (message === "not-jsonrpc") {
    const versioned = withVersion(line);
    if (versioned !== undefined) {
      const again = readMessage(versioned, scan, true);
      if (typeof again !== "string") {
        line = versioned;
        message = again;
        repairs.push('jsonrpc that is not "2.0"');
      }
    }
  }
  if (typeof message === "string") return brokenObject(line, message);
  if (message.kind === "response" && message.isError === true) {
    const sound = withSoundError(line);
    if (sound !== line) repairs.push("an error without an integer code and a text as message");
    line = sound;
  }
  return { kind: "message", line, message, repairs };
}

/** With the one version that there is; undefined: it has it, or has members of its own, as a log entry in JSON has. */
function withVersion(line: Buffer): Buffer | undefined {
  const start = spaceEnd(line, 0);
  const object = { start, end: valueEnd(line, start) };
  const members = membersOf(line, object);
  if (members.length < 2 || !members.every(({ name }) => MEMBERS.has(name))) return undefined;
  const version = members.find(({ name }) => name === "jsonrpc");
  if (version === undefined) return applyEdits(line, [insertMembers(line, object, VERSION)]);
  if (textAt(line, version.value) === '"2.0"') return undefined;
  return applyEdits(line, [{ ...version.value, text: '"2.0"' }]);
}

/** What an object that cannot be read was meant for. */
export function brokenObject(line: Buffer, flaw: MessageFlaw): ChildObject {
  const { id, isAnswer } = looseMembers(line);
  return isAnswer ? { kind: "broken-answer", id, flaw } : { kind: "other", flaw };
}

/** Programs that print a dictionary instead of its JSON. Of what is longer than this, the id stands in front. */
const SINGLE_QUOTED = /^\s*\{\s*'/;
const LOOSE_ID = /['"]id['"]\s*:\s*(-?\d+|"[^"\\]*"|'[^'\\]*')/;
const LOOSE_BYTES = 512;

/** What can be made out of an object that is no JSON, or not JSON-RPC's: members in any letter case, the last of a name. */
function looseMembers(line: Buffer): { readonly id: IdKey | undefined; readonly isAnswer: boolean } {
  if (SINGLE_QUOTED.test(line.toString("latin1", 0, 64))) return printedMembers(line.toString("utf8", 0, LOOSE_BYTES));
  const start = spaceEnd(line, 0);
  let id: IdKey | undefined;
  let isRequest = false;
  let isAnswer = false;
  let isOurs = false;
  let isForeign = false;
  for (const { name, value } of tolerantMembers(line, start)) {
    switch (name.toLowerCase()) {
      case "id":
        id = value.end - value.start > LOOSE_BYTES ? undefined : tolerantKey(textAt(line, value));
        break;
      case "method":
        isRequest ||= textAt(line, value) !== "null";
        break;
      case "result":
      case "error":
        isAnswer = true;
        break;
      case "jsonrpc":
        isOurs = true;
        break;
      default:
        isForeign ||= !MEMBERS.has(name);
    }
  }
  // An entry of a log in JSON has members of its own, and may have these as well.
  if (!isOurs) return { id, isAnswer: isAnswer && !isRequest && !isForeign && id !== undefined };
  return { id, isAnswer: !isRequest && (isAnswer || id !== undefined) };
}

function printedMembers(text: string): { readonly id: IdKey | undefined; readonly isAnswer: boolean } {
  const raw = LOOSE_ID.exec(text)?.[1];
  const id = raw === undefined ? undefined : idKey(raw.replaceAll("'", '"'));
  return { id, isAnswer: /'jsonrpc'/.test(text) && !/'method'/.test(text) };
}

function tolerantMembers(line: Buffer, start: number): ReturnType<typeof membersOf> {
  try {
    return membersOf(line, { start, end: line.length });
  } catch (error) {
    // A broken escape in a name.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function tolerantKey(raw: string): IdKey | undefined {
  try {
    return idKey(raw);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
