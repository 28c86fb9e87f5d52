import { createFairTurns } from "../base/fair-turns.ts";
import { type Redactor, renderSpans } from "./redact.ts";
import { createStderrWindow } from "./stderr-window.ts";

/** A line of stderr is cut at so many characters in the log. */
const MAX_LINE = 4_096;

/** So many lines in a row may wait for the rest of a secret that has been broken into lines. */
const MAX_HELD = 64;

/** What is known of a child's stderr. Texts are redacted. */
export interface StderrTail {
  /** Characters that have come so far: a place for `text` to begin at. */
  readonly position: () => number;
  /** The last lines, those from a position on, joined by newlines. Default: from the beginning. */
  readonly text: (since?: number) => string;
  /** The first lines and the last ones, as many as are kept, for whoever wants to know why a start failed. */
  readonly lines: () => readonly string[];
  /** Whether all that has come has been taken in: nothing is on its way inside this process. */
  readonly isWaiting: () => boolean;
  /** Settles when stderr has ended, or is read no more. */
  readonly ended: Promise<void>;
  /** Reads no further: a process that cannot be found may hold stderr open for ever. */
  readonly stop: () => void;
}

export interface StderrTailOptions {
  readonly stream: ReadableStream<Uint8Array>;
  readonly redactor: Redactor;
  /** Whether the next line is wanted; asked first, as taking out the secrets is what costs. */
  readonly wantsLine: () => boolean;
  /** Given each line that is wanted. One that may end in the middle of a secret waits for the next. */
  readonly onLine: (line: string) => void;
}

/** Reads a child's stderr to its end, always, so that the child never blocks on it; keeps little of it. */
export function followStderr({ stream, redactor, wantsLine, onLine }: StderrTailOptions): StderrTail {
  const { find, mayGoOn, longest } = redactor;
  const reader = stream.getReader();
  const fairTurn = createFairTurns();
  const window = createStderrWindow(redactor);
  const held: string[] = [];
  let partial = "";
  let isWaiting = false;

  const giveHeld = () => {
    const text = held.splice(0).join("\n");
    for (const line of renderSpans(text, find(text)).split("\n")) {
      const cut = line.slice(0, MAX_LINE).trimEnd();
      if (cut !== "") onLine(cut);
    }
  };

  const take = (line: string) => {
    if (line.trimEnd() === "") return;
    if (!wantsLine()) return;
    held.push(line);
    if (held.length >= MAX_HELD || !mayGoOn(held.join("\n"))) giveHeld();
  };

  /** Cuts what has no end of line where no secret can stand across the cut: one that has only begun lies in what is kept. */
  const takePiece = () => {
    const spans = find(partial);
    let cut = partial.length - longest;
    for (const { start, end } of spans) if (start < cut) cut = Math.max(cut, end);
    take(partial.slice(0, cut));
    partial = partial.slice(cut);
  };

  const follow = async () => {
    const decoder = new TextDecoder();
    for (;;) {
      isWaiting = true;
      const { value, done } = await reader.read();
      isWaiting = false;
      if (done) break;
      const since = performance.now();
      const text = decoder.decode(value, { stream: true });
      window.add(text);
      const lines = (partial + text).split(/\r\n|\n|\r/);
      partial = lines.pop() ?? "";
      for (const line of lines) take(line);
      if (partial.length > MAX_LINE + longest) takePiece();
      const turn = fairTurn(since);
      if (turn !== undefined) await turn;
    }
    take(partial);
    partial = "";
  };

  return {
    position: window.position,
    text: window.last,
    lines: window.ends,
    isWaiting: () => isWaiting,
    ended: follow()
      .catch(() => undefined)
      .finally(() => {
        isWaiting = true;
        giveHeld();
      }),
    stop: () => void reader.cancel().catch(() => undefined),
  };
}
