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

  const close = () => {
    if (closed) return;
    hand();
    closed = true;
    // The child may have closed its end first (EPIPE): either way it is closed.
    Promise.resolve(sink.end()).catch(() => undefined);
  };

  /** Gives the gathered lines to the sink, which writes them to the pipe. */
  const hand = () => {
    if (gatheredBytes === 0) return;
    if (gatheredBytes <= GATHERED_BYTES) {
      sink.write(joinLines(gathered, gatheredBytes));
    } else {
      for (const line of gathered) {
        sink.write(line);
        sink.write(NEWLINE);
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
    const flushed = sink.flush();
    if (typeof flushed === "number" || flushed === undefined) {
      waiting = 0;
      return;
    }
    // Pending: the pipe is full, and the promise settles when the child has read.
    flushing = true;
    Promise.resolve(flushed).then(
      () => {
        flushing = false;
        waiting -= written;
        flush();
      },
      () => {
        flushing = false;
        close();
      },
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
