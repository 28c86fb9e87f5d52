import { createFairTurns } from "../base/fair-turns.ts";
import type { Logger } from "../base/logger.ts";
import type { Child } from "../process/child.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { readChildMessage } from "../wire/message.ts";
import { createLineSplitter, LineTooLong } from "../wire/newline.ts";
import type { LastWords, LinkEnd, RawMessage } from "./link.ts";

export interface ChildReaderOptions {
  readonly child: Child;
  readonly scan: JsonScanner;
  /** Longest message from the child, in bytes; 0: no bound. */
  readonly maxLineBytes: number;
  /** Given the messages of one read, in order. While its promise is pending, the child's stdout is not read. */
  readonly onMessages: (messages: readonly RawMessage[]) => Promise<void> | undefined;
  /** Called at the first byte of the child's stdout. */
  readonly onFirstByte?: () => void;
  /** Called once, when the child has ended or cannot be understood any more. */
  readonly onEnd: (end: LinkEnd) => void;
  readonly log: Logger;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** After the child's exit a grandchild may hold its stdout: what the child still said is there by then. */
const DRAIN_AFTER_EXIT_MS = 250;

/** Of lines that are no messages, so many are logged for a session; the rest is counted. */
const LOGGED_DROPS = 10;

/** Reads a child's messages until it ends. Starts at once; gives the number of dropped lines so far. */
export function readChild(options: ChildReaderOptions): { readonly dropped: () => number } {
  const { child, scan, onMessages, onEnd, log, context } = options;
  const split = createLineSplitter(options.maxLineBytes);
  const reader = child.stdout.getReader();
  const fairTurn = createFairTurns();
  let dropped = 0;
  let reads = 0;
  let isReading = false;
  let hasAnswered = false;
  let isOver = false;

  const drop = (line: Buffer, reason: string) => {
    dropped++;
    if (dropped > LOGGED_DROPS) return;
    const last = dropped === LOGGED_DROPS ? "; further ones are only counted" : "";
    log.warn({ ...context, bytes: line.length, reason }, `dropped a line of the child that is no message${last}`);
  };

  const pump = async (): Promise<"line-too-long" | "stdout"> => {
    for (;;) {
      isReading = true;
      const { value, done } = await reader.read();
      isReading = false;
      reads++;
      const since = performance.now();
      if (done) return "stdout";
      if (reads === 1) options.onFirstByte?.();
      const messages: RawMessage[] = [];
      let tooLong = false;
      try {
        split(Buffer.from(value.buffer, value.byteOffset, value.byteLength), (line) => {
          const message = readChildMessage(line, scan);
          if (typeof message === "string") drop(line, message);
          else {
            hasAnswered ||= message.kind === "response";
            messages.push({ line, message });
          }
        });
      } catch (error) {
        if (!(error instanceof LineTooLong)) throw error;
        tooLong = true;
      }
      if (messages.length > 0) {
        const delivered = onMessages(messages);
        if (delivered !== undefined) await delivered;
      }
      if (tooLong) return "line-too-long";
      const turn = fairTurn(since);
      if (turn !== undefined) await turn;
    }
  };

  const lastWords = async (): Promise<LastWords> => {
    await child.stderr.drained();
    if (hasAnswered) return { stderr: child.stderr.lastWords() };
    const { stderr, reason } = child.stderr.startWords(true);
    return reason === undefined ? { stderr } : { stderr, reason };
  };

  const run = async () => {
    // The process decides, not its pipe: a grandchild may hold stdout open for ever. A slow client gets the rest, though.
    const exitedAndDrained = child.exited.then(async () => {
      for (;;) {
        const seen = reads;
        await Bun.sleep(DRAIN_AFTER_EXIT_MS);
        if (isReading && reads === seen) return "exited" as const;
        if (isOver) return "exited" as const;
      }
    });
    const soonExited = () =>
      Promise.race([child.exited.then(() => true), Bun.sleep(DRAIN_AFTER_EXIT_MS).then(() => false)]);
    // A pipe that breaks because the child has died is the lesser cause, and what it still said counts.
    const inputClosed = child.inputClosed.then(async () =>
      (await soonExited()) ? exitedAndDrained : ("stdin" as const),
    );
    const first = await Promise.race([pump(), exitedAndDrained, inputClosed]);
    isOver = true;
    if (first === "line-too-long") {
      onEnd({ kind: "line-too-long", maxLineBytes: options.maxLineBytes });
      return;
    }
    // stdout ends a moment before the exit is known, or else the child has closed it and lives on.
    const exit = await Promise.race([child.exited, Bun.sleep(DRAIN_AFTER_EXIT_MS).then(() => undefined)]);
    const words = await lastWords();
    if (exit !== undefined) onEnd({ kind: "exited", exit, ...words });
    else onEnd({ kind: "closed", stream: first === "stdin" ? "stdin" : "stdout", ...words });
  };

  run()
    .catch((error: unknown) => {
      log.error({ ...context, err: error }, "reading the child failed");
      onEnd({ kind: "closed", stream: "stdout", stderr: "" });
    })
    .finally(() => reader.cancel().catch(() => undefined));

  return { dropped: () => dropped };
}
