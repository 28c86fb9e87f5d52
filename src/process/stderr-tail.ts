/** A line of stderr is cut at so many characters in the log. */
const MAX_LINE = 4_096;

/** What of stderr is kept for the error that a client gets when the child dies. */
const TAIL_LINES = 8;
const TAIL_LINE = 512;

export interface StderrTail {
  /** The last lines, redacted, joined by newlines. */
  readonly text: () => string;
  /** Resolves when stderr has ended. */
  readonly ended: Promise<void>;
}

export interface StderrTailOptions {
  readonly stream: ReadableStream<Uint8Array>;
  readonly redact: (text: string) => string;
  readonly onLine: (line: string) => void;
}

/** Reads a child's stderr to its end, always, so that the child never blocks on it; keeps little of it. */
export function followStderr({ stream, redact, onLine }: StderrTailOptions): StderrTail {
  const tail: string[] = [];
  let partial = "";

  const take = (raw: string) => {
    const line = redact(raw).trimEnd();
    if (line === "") return;
    onLine(line);
    tail.push(line.slice(0, TAIL_LINE));
    if (tail.length > TAIL_LINES) tail.shift();
  };

  const follow = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const lines = (partial + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r/);
      partial = lines.pop() ?? "";
      for (const line of lines) take(line.length > MAX_LINE ? line.slice(0, MAX_LINE) : line);
      if (partial.length > MAX_LINE) {
        take(partial.slice(0, MAX_LINE));
        partial = "";
      }
    }
    take(partial);
    partial = "";
  };

  return { text: () => tail.join("\n"), ended: follow().catch(() => undefined) };
}
