const LF = 0x0a;
const CR = 0x0d;

/** Thrown by a splitter when a line grows over its bound. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
  readonly maxLineBytes: number;

  constructor(maxLineBytes: number) {
    super(`a line is longer than ${maxLineBytes} bytes`);
    this.maxLineBytes = maxLineBytes;
  }
}

/** Gives each complete line of a chunk, without its line end, in order. */
export type LineSplitter = (chunk: Buffer, onLine: (line: Buffer) => void) => void;

/**
 * Splits a byte stream into lines (MCP stdio transport: messages are delimited by newlines).
 *
 * Accepts CRLF; skips empty lines; never copies a line that lies within one chunk; work is linear in the bytes however
 * they are cut. What follows the last newline is kept for the next chunk, and is lost when the stream ends: a message
 * without its newline was not completely sent.
 *
 * @param maxLineBytes longest line; 0: no bound. A longer one throws LineTooLong, after the lines before it were given.
 */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;

  const give = (line: Buffer, onLine: (line: Buffer) => void) => {
    const end = line[line.length - 1] === CR ? line.length - 1 : line.length;
    if (end > 0) onLine(end === line.length ? line : line.subarray(0, end));
  };

  return (chunk, onLine) => {
    let start = 0;
    let end = chunk.indexOf(LF);
    while (end !== -1) {
      if (maxLineBytes > 0 && heldBytes + end - start > maxLineBytes) throw new LineTooLong(maxLineBytes);
      const piece = chunk.subarray(start, end);
      if (heldBytes === 0) {
        give(piece, onLine);
      } else {
        held.push(piece);
        const line = Buffer.concat(held);
        held = [];
        heldBytes = 0;
        give(line, onLine);
      }
      start = end + 1;
      end = chunk.indexOf(LF, start);
    }
    if (start < chunk.length) {
      held.push(start === 0 ? chunk : chunk.subarray(start));
      heldBytes += chunk.length - start;
      if (maxLineBytes > 0 && heldBytes > maxLineBytes) throw new LineTooLong(maxLineBytes);
    }
  };
}
