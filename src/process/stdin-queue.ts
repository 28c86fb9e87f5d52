import type { FileSink } from "bun";

const LF = Buffer.from("\n");

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
  let waiting = 0;
  let flushing = false;
  let scheduled = false;

  const close = () => {
    if (closed) return;
    closed = true;
    // The child may have closed its end first (EPIPE): either way it is closed.
    Promise.resolve(sink.end()).catch(() => undefined);
  };

  const flush = () => {
    scheduled = false;
    if (closed || flushing || waiting === 0) return;
    const written = waiting;
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
      if (maxBytes > 0 && waiting > 0 && waiting + line.length > maxBytes) return "full";
      sink.write(line);
      sink.write(LF);
      waiting += line.length + 1;
      // One system call for all messages that arrive in one turn of the event loop.
      if (!scheduled && !flushing) {
        scheduled = true;
        setImmediate(flush);
      }
      return "ok";
    },
    close,
  };
}
