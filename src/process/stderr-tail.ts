import { createFairTurns } from "../base/fair-turns.ts";
import type { Redactor } from "./redact.ts";

/** A line of stderr is cut at so many characters in the log. */
const MAX_LINE = 4_096;

/** What of stderr is kept for the error that a client gets when the child dies. */
const TAIL_LINES = 8;
const TAIL_LINE = 512;

export interface StderrTail {
  /** The last lines, redacted, joined by newlines. */
  readonly text: () => string;
  /** Settles when stderr has ended, or is read no more. */
  readonly ended: Promise<void>;
  /** Reads no further: a process that cannot be found may hold stderr open for ever. */
  readonly stop: () => void;
}

export interface StderrTailOptions {
  readonly stream: ReadableStream<Uint8Array>;
  readonly redactor: Redactor;
  readonly onLine: (line: string) => void;
}

/** Reads a child's stderr to its end, always, so that the child never blocks on it; keeps little of it. */
export function followStderr({ stream, redactor, onLine }: StderrTailOptions): StderrTail {
  const { redact, longest } = redactor;
  const reader = stream.getReader();
  const fairTurn = createFairTurns();
  const tail: string[] = [];
  let partial = "";

  const take = (redacted: string) => {
    const line = redacted.slice(0, MAX_LINE).trimEnd();
    if (line === "") return;
    onLine(line);
    tail.push(line.slice(0, TAIL_LINE));
    if (tail.length > TAIL_LINES) tail.shift();
  };

  const follow = async () => {
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const since = performance.now();
      const lines = (partial + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r/);
      partial = lines.pop() ?? "";
      for (const line of lines) take(redact(line));
      // Cut where no secret can stand across the cut: one that has only begun lies in what is kept.
      if (partial.length > MAX_LINE + longest) {
        const redacted = redact(partial);
        const kept = Math.max(0, redacted.length - longest);
        take(redacted.slice(0, kept));
        partial = redacted.slice(kept);
      }
      const turn = fairTurn(since);
      if (turn !== undefined) await turn;
    }
    take(redact(partial));
    partial = "";
  };

  return {
    text: () => tail.join("\n"),
    ended: follow().catch(() => undefined),
    stop: () => void reader.cancel().catch(() => undefined),
  };
}
