import { createFairTurns } from "../base/fair-turns.ts";
import type { Logger } from "../base/logger.ts";
import type { Child } from "../process/child.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createChildMessages, WHOLE_AFTER_MS } from "./child-messages.ts";
import type { LastWords, LinkEnd, OwedRequest, RawMessage } from "./link.ts";
import { createOddLinesLog } from "./odd-lines-log.ts";

export interface ChildReaderOptions {
  readonly child: Child;
  readonly scan: JsonScanner;
  /** Longest message from the child, in bytes; 0: no bound. */
  readonly maxLineBytes: number;
  /** Given the messages of one read, in order. While its promise is pending, the child's stdout is not read. */
  readonly onMessages: (messages: readonly RawMessage[]) => Promise<void> | undefined;
  /** The requests that the child owes an answer: one that cannot be read may be for one of them. */
  readonly owed: () => Iterable<OwedRequest>;
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

/** Reads a child's messages until it ends. Starts at once; gives the number of dropped lines so far. */
export function readChild(options: ChildReaderOptions): { readonly dropped: () => number } {
  const { child, scan, maxLineBytes, owed, onMessages, onEnd, log, context } = options;
  const reader = child.stdout.getReader();
  const fairTurn = createFairTurns();
  let reads = 0;
  let lastReadAt = 0;
  let pause: ReturnType<typeof setTimeout> | undefined;
  let isReading = false;
  let hasAnswered = false;
  let isOver = false;

  /** What comes of a line later than the line itself. */
  const deliver = (messages: readonly RawMessage[]) => {
    if (isOver || messages.length === 0) return;
    hasAnswered = true;
    onMessages(messages)?.catch((error: unknown) => log.error({ ...context, err: error }, "a late message failed"));
  };
  const shown = createOddLinesLog({ log, context, redactor: child.redactor });
  const said = createChildMessages({ scan, maxLineBytes, owed, deliver, shown });

  const onPause = () => {
    pause = undefined;
    const patience = said.patienceMs();
    if (isOver || patience === undefined) return;
    const left = isReading ? lastReadAt + patience - performance.now() : patience;
    if (left > 0) pause = setTimeout(onPause, Math.ceil(left));
    else deliver(said.onSilence());
  };

  const pump = async (): Promise<"line-too-long" | "stdout"> => {
    for (;;) {
      isReading = true;
      const { value, done } = await reader.read();
      isReading = false;
      reads++;
      const since = performance.now();
      lastReadAt = since;
      if (done) return "stdout";
      if (reads === 1) options.onFirstByte?.();
      const messages: RawMessage[] = [];
      const outcome = said.take(Buffer.from(value.buffer, value.byteOffset, value.byteLength), messages);
      if (messages.length > 0) {
        hasAnswered ||= messages.some(({ message }) => message.kind === "response");
        const delivered = onMessages(messages);
        if (delivered !== undefined) await delivered;
      }
      if (pause === undefined && said.patienceMs() !== undefined) pause = setTimeout(onPause, WHOLE_AFTER_MS);
      if (outcome === "line-too-long") return "line-too-long";
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
    clearTimeout(pause);
    if (first === "line-too-long") {
      onEnd({ kind: "line-too-long", maxLineBytes });
      return;
    }
    const last = said.finish();
    if (last.length > 0) await onMessages(last);
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
    .finally(() => {
      said.close();
      reader.cancel().catch(() => undefined);
    });

  return { dropped: shown.dropped };
}
