import { withSoundError } from "../wire/error-shape.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { readMessage } from "../wire/message.ts";
import { createLineSplitter, LineTooLong } from "../wire/newline.ts";
import type { OwedRequest, RawMessage } from "./link.ts";
import { createOddLines } from "./odd-lines.ts";
import type { OddLinesLog } from "./odd-lines-log.ts";

/** A message that came without its newline is taken for whole when nothing has followed it for so long. */
export const WHOLE_AFTER_MS = 200;

/** An object that was begun is taken for broken when nothing has followed for so long. */
const BROKEN_AFTER_MS = 1_000;

const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

export interface ChildMessagesOptions {
  readonly scan: JsonScanner;
  /** Longest message from the child, in bytes; 0: no bound. */
  readonly maxLineBytes: number;
  /** The requests that the child owes an answer. */
  readonly owed: () => Iterable<OwedRequest>;
  /** Given messages that come of a line later than the line itself. */
  readonly deliver: (messages: readonly RawMessage[]) => void;
  readonly shown: OddLinesLog;
}

/** Makes messages of the bytes that a child writes. A good message costs its line end and one scan. */
export interface ChildMessages {
  /** Takes what was read, and adds the messages that it completes. "line-too-long": nothing can be read after it. */
  readonly take: (chunk: Buffer, messages: RawMessage[]) => "ok" | "line-too-long";
  /** How long a silence must last to mean something, in milliseconds; undefined: it means nothing now. */
  readonly patienceMs: () => number | undefined;
  /** That silence. @returns what comes of what has not gone on. */
  readonly onSilence: () => readonly RawMessage[];
  /** The child writes no more. @returns what comes of its last line, with a newline or without. */
  readonly finish: () => readonly RawMessage[];
  /** Nobody wants to know any more; may be called again. */
  readonly close: () => void;
}

export function createChildMessages(options: ChildMessagesOptions): ChildMessages {
  const { scan, maxLineBytes } = options;
  const lines = createLineSplitter(maxLineBytes);
  const odd = createOddLines(options);

  const readLine = (line: Buffer, messages: RawMessage[]) => {
    const message = readMessage(line, scan);
    if (typeof message === "string") {
      for (const found of odd.take(line, message)) messages.push(found);
      return;
    }
    if (odd.isOpen()) for (const found of odd.giveUp()) messages.push(found);
    if (message.kind !== "response" || (message.isError !== true && message.id !== "null")) {
      messages.push({ line, message });
      return;
    }
    const answer = { line: message.isError === true ? withSoundError(line) : line, message };
    if (message.id !== "null") messages.push(answer);
    else for (const claimed of odd.takeUnaddressed(answer)) messages.push(claimed);
  };

  /** What came without a newline, if it is made of whole messages; undefined: it may go on. */
  const readWhole = (rest: Buffer): readonly RawMessage[] | undefined => {
    if (typeof readMessage(rest, scan) === "string") return odd.takeWhole(rest);
    const messages: RawMessage[] = [];
    readLine(rest, messages);
    return messages;
  };

  return {
    take: (chunk, messages) => {
      try {
        lines.split(chunk, (line) => readLine(line, messages));
        return "ok";
      } catch (error) {
        if (!(error instanceof LineTooLong)) throw error;
        return "line-too-long";
      }
    },
    patienceMs: () => {
      if (odd.isOpen()) return BROKEN_AFTER_MS;
      const last = lines.lastByte();
      return last === CLOSE_OBJECT || last === CLOSE_ARRAY ? WHOLE_AFTER_MS : undefined;
    },
    onSilence: () => {
      if (odd.isOpen()) return odd.giveUp();
      const whole = readWhole(lines.rest());
      if (whole === undefined) return [];
      lines.takeRest();
      return whole;
    },
    finish: () => {
      const messages: RawMessage[] = [];
      const rest = lines.takeRest();
      if (rest.length > 0) readLine(rest, messages);
      odd.close();
      return messages;
    },
    close: odd.close,
  };
}
