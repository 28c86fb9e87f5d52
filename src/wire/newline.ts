const LF = 0x0a;
const CR = 0x0d;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Thrown by a splitter when a line grows over its bound. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
  readonly maxLineBytes: number;

  constructor(maxLineBytes: number) {
    super(`a line is longer than ${maxLineBytes} bytes`);
    this.maxLineBytes = maxLineBytes;
  }
}

/** Smaller pieces of a line are copied together: a line that comes byte by byte must not cost an object a byte. */
const SMALL_PIECE = 4 * 1024;
const GATHERING_BYTES = 16 * 1024;

/** Cuts a byte stream into lines. */
export interface LineSplitter {
  /** Gives each complete line of a chunk, without its line end, in order. @throws LineTooLong. */
  readonly split: (chunk: Buffer, onLine: (line: Buffer) => void) => void;
  /** What stands behind the last newline; it is kept. */
  readonly rest: () => Buffer;
  /** The last byte of that; undefined: there is none. */
  readonly lastByte: () => number | undefined;
  /** Takes it, as if a newline had come. */
  readonly takeRest: () => Buffer;
}

/**
 * Makes a splitter (MCP stdio transport: messages are delimited by newlines).
 *
 * Accepts CRLF; skips empty lines; never copies a line that lies within one chunk; work is linear in the bytes however
 * they are cut. What follows the last newline is kept for the next chunk.
 *
 * @param maxLineBytes longest line; 0: no bound. A longer one throws LineTooLong, after the lines before it were given.
 */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Where small pieces are put together; the last of `held` is its part from `gatheringStart` on, if one is open. */
  let gathering = NO_BYTES;
  let gatheringStart = -1;
  let gatheringEnd = 0;

  const give = (line: Buffer, onLine: (line: Buffer) => void) => {
    const end = line[line.length - 1] === CR ? line.length - 1 : line.length;
    if (end > 0) onLine(end === line.length ? line : line.subarray(0, end));
  };

  const hold = (piece: Buffer) => {
    heldBytes += piece.length;
    if (piece.length >= SMALL_PIECE) {
      gatheringStart = -1;
      held.push(piece);
      return;
    }
    if (gatheringEnd + piece.length > gathering.length) {
      gathering = Buffer.allocUnsafeSlow(GATHERING_BYTES);
      gatheringStart = -1;
      gatheringEnd = 0;
    }
    gathering.set(piece, gatheringEnd);
    if (gatheringStart === -1) gatheringStart = gatheringEnd;
    else held.pop();
    gatheringEnd += piece.length;
    held.push(gathering.subarray(gatheringStart, gatheringEnd));
  };

  const takeHeld = (): Buffer => {
    const line = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    // A quiet session keeps no buffer.
    gathering = NO_BYTES;
    gatheringStart = -1;
    gatheringEnd = 0;
    return line;
  };

  const split: LineSplitter["split"] = (chunk, onLine) => {
    let start = 0;
    let end = chunk.indexOf(LF);
    while (end !== -1) {
      if (maxLineBytes > 0 && heldBytes + end - start > maxLineBytes) throw new LineTooLong(maxLineBytes);
      const piece = chunk.subarray(start, end);
      if (heldBytes === 0) {
        give(piece, onLine);
      } else {
        hold(piece);
        give(takeHeld(), onLine);
      }
      start = end + 1;
      end = chunk.indexOf(LF, start);
    }
    if (start < chunk.length) {
      hold(chunk.subarray(start));
      if (maxLineBytes > 0 && heldBytes > maxLineBytes) throw new LineTooLong(maxLineBytes);
    }
  };

  return {
    split,
    rest: () => Buffer.concat(held),
    lastByte: () => held.at(-1)?.at(-1),
    takeRest: takeHeld,
  };
}
