import { isRecord } from "../base/record.ts";
import { applyEdits, type Span, textAt, valueAt } from "./json-edit.ts";

const INTERNAL_ERROR = -32603;
const NO_MESSAGE = "The server gave no reason.";

/** An error's text that is longer is not looked at: nobody writes a wrong one of that length. */
const MAX_BYTES = 1024 * 1024;

/**
 * Gives the error of an answer the form that clients insist on, an object with an integer `code` and a text as `message`
 * (JSON-RPC 2.0, section 5.1): clients that check it throw the whole answer away, and their call waits for its time limit.
 * What the server said instead goes along under `data.serverError`. A sound error stays as it is, byte for byte.
 *
 * @param line a valid answer with an error.
 */
export function withSoundError(line: Buffer): Buffer {
  const span = valueAt(line, ["error"]);
  if (span === undefined || isSound(line, span)) return line;
  const said: unknown = JSON.parse(textAt(line, span));
  const { code, message, data } = isRecord(said) ? said : {};
  const sound = {
    code: integerOf(code) ?? INTERNAL_ERROR,
    message: messageOf(said, message),
    data: isKept(said, code, message) ? data : { serverError: said },
  };
  return applyEdits(line, [{ ...span, text: JSON.stringify(sound) }]);
}

function isSound(line: Buffer, error: Span): boolean {
  if (error.end - error.start > MAX_BYTES) return true;
  const code = valueAt(line, ["code"], error);
  const message = valueAt(line, ["message"], error);
  if (code === undefined || message === undefined) return false;
  return Number.isInteger(Number(textAt(line, code))) && isNumber(line, code) && line[message.start] === 0x22;
}

function isNumber(line: Buffer, { start }: Span): boolean {
  const first = line[start] ?? 0;
  return first === 0x2d || (first >= 0x30 && first <= 0x39);
}

/** A number, or the text of one. */
function integerOf(code: unknown): number | undefined {
  const number = typeof code === "string" && code.trim() !== "" ? Number(code) : code;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

function messageOf(said: unknown, message: unknown): string {
  if (typeof message === "string") return message;
  if (typeof said === "string" && said !== "") return said;
  return NO_MESSAGE;
}

/** Whether nothing of what was said is lost when code and message are put right. */
function isKept(said: unknown, code: unknown, message: unknown): boolean {
  if (typeof said === "string") return true;
  if (!isRecord(said)) return false;
  return (integerOf(code) !== undefined || code === undefined || code === null) && typeof message === "string";
}
