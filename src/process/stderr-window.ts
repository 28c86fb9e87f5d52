import { type Redactor, renderSpans } from "./redact.ts";

/** What of stderr is kept for the error that a client gets when the child dies. */
const TAIL_LINES = 8;
const TAIL_LINE = 512;

/** Characters that are kept of the beginning and of the end. A stack after the reason may be long. */
const HEAD_CHARACTERS = 4_096;
const TAIL_CHARACTERS = 8_192;

/** The beginning and the end of a text that may have no end, as it came; what is read from it is redacted. */
export interface StderrWindow {
  readonly add: (text: string) => void;
  /** Characters so far. */
  readonly position: () => number;
  /** The last lines, of what came from a position on. */
  readonly last: (since?: number) => string;
  /** The first and the last lines that are kept. */
  readonly ends: () => readonly string[];
}

export function createStderrWindow({ find, longest }: Redactor): StderrWindow {
  // A secret's other end may stand beyond what is shown, so that much more is kept.
  const headSize = HEAD_CHARACTERS + longest;
  const tailSize = TAIL_CHARACTERS + 2 * longest;
  let head = "";
  let tail = "";
  let count = 0;

  /** What is kept of the end, from a position on; where its own beginning is cut off, from its first whole line. */
  const tailLines = (since: number): readonly string[] => {
    const before = count - tail.length;
    const isCut = before > 0 && since <= before + longest;
    const isInLine = !isCut && since > before && !/[\r\n]/.test(tail[since - before - 1] ?? "\n");
    const lines = linesOf(
      renderSpans(tail, find(tail), isCut ? Math.min(longest, tail.length) : Math.max(0, since - before)),
    );
    // Of a line that began before, the rest is as little theirs who ask.
    return isInLine || (isCut && lines.length > 1) ? lines.slice(1) : lines;
  };

  return {
    add: (text) => {
      if (head.length < headSize) head += text.slice(0, headSize - head.length);
      tail += text;
      if (tail.length > 2 * tailSize) tail = tail.slice(-tailSize);
      count += text.length;
    },
    position: () => count,
    last: (since = 0) => shown(tailLines(since)).slice(-TAIL_LINES).join("\n"),
    ends: () => {
      if (count === tail.length) return shown(tailLines(0));
      const first = renderSpans(head, find(head), 0, HEAD_CHARACTERS);
      return shown([...linesOf(first).slice(0, -1), ...tailLines(HEAD_CHARACTERS)]);
    },
  };
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/);
}

function shown(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.slice(0, TAIL_LINE).trimEnd()).filter((line) => line !== "");
}
