import type { FileSink } from "bun";

const LF = 0x0a;

/** Lines are put together for one write up to this size; larger ones go alone, uncopied. */
const GATHERED_BYTES = 64 * 1024;
const NEWLINE = Buffer.of(LF);

/** The way into a child: whole lines, in order, and no more of them in memory than the bound. */
export interface StdinQueue {
  /**
   * "ok": the line is on its way. "full": the child does not read, and as much as may wait for it waits. "closed": it
   * reads no more.
   */
  readonly write: (line: Buffer) => "ok" | "full" | "closed";
  readonly close: () => void;
  /** Settles when the child has closed its end and a line could not be delivered. */
  readonly broken: Promise<void>;
}

/** @param maxBytes bytes that may wait for the child; 0: no bound. One line is always taken when nothing waits. */
export function createStdinQueue(sink: FileSink, maxBytes: number): StdinQueue {
  let closed = false;
  /** Lines of this turn of the event loop. */
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  /** Bytes given to the sink that the pipe has not taken. */
  let waiting = 0;
  let flushing = false;
  let scheduled = false;

  const { promise: broken, resolve: onBroken } = Promise.withResolvers<void>();

  const breakOff = () => {
    closed = true;
    gathered = [];
    onBroken();
  };

  /**
   * A broken pipe shows in the promise of a write, in that of a flush, or as an exception of either (Bun 1.4.5). One that
   * nobody looks at would end the proxy.
   */
  const attempt = (act: () => unknown): Promise<unknown> | undefined => {
    try {
      const result = act();
      if (!(result instanceof Promise)) return undefined;
      result.catch(breakOff);
      return result;
    } catch {
      breakOff();
      return undefined;
    }
  };
  const write = (bytes: Buffer) => void attempt(() => sink.write(bytes));

  const close = () => {
    if (closed) return;
    hand();
    closed = true;
    attempt(() => sink.end());
  };

  /** Gives the gathered lines to the sink, which writes them to the pipe. */
  const hand = () => {
    if (gatheredBytes === 0) return;
    if (gatheredBytes <= GATHERED_BYTES) {
      write(joinLines(gathered, gatheredBytes));
    } else {
      for (const line of gathered) {
        write(line);
        write(NEWLINE);
      }
    }
    waiting += gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
  };

  const flush = () => {
    scheduled = false;
    if (closed || flushing) return;
    hand();
    const written = waiting;
    if (written === 0) return;
    const flushed = attempt(() => sink.flush());
    if (flushed === undefined) {
      waiting = 0;
      return;
    }
    // Pending: the pipe is full, and the promise settles when the child has read.
    flushing = true;
    flushed.then(
      () => {
        flushing = false;
        waiting -= written;
        flush();
      },
      () => undefined,
    );
  };

  return {
    write: (line) => {
      if (closed) return "closed";
      const held = waiting + gatheredBytes;
      if (maxBytes > 0 && held > 0 && held + line.length > maxBytes) return "full";
      gathered.push(line);
      gatheredBytes += line.length + 1;
      // One system call, and one wake-up of the child, for all messages that arrive in one turn of the event loop.
      if (!scheduled && !flushing) {
        scheduled = true;
        setImmediate(flush);
      }
      return "ok";
    },
    close,
    broken,
  };
}

function joinLines(lines: readonly Buffer[], size: number): Buffer {
  const joined = Buffer.allocUnsafe(size);
  let at = 0;
  for (const line of lines) {
    joined.set(line, at);
    at += line.length;
    joined[at++] = LF;
  }
  return joined;
}
