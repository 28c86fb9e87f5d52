const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LF = 0x0a;

/** Finds the end of an object that may go on over several lines. */
export interface ObjectTracker {
  /** Looks at more of it. @returns the place behind the closing bracket in these bytes; -1: it is not closed yet. */
  readonly feed: (bytes: Buffer, from: number) => number;
}

/** A tracker that stands before the object's first bracket. It counts brackets alone: whether they match is a parser's business. */
export function createObjectTracker(): ObjectTracker {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  return {
    feed: (bytes, from) => {
      for (let at = from; at < bytes.length; at++) {
        const byte = bytes[at];
        if (isInString) {
          if (isEscaped) isEscaped = false;
          else if (byte === BACKSLASH) isEscaped = true;
          else if (byte === QUOTE) isInString = false;
        } else if (byte === QUOTE) isInString = true;
        else if (byte === 0x7b || byte === 0x5b) depth++;
        else if ((byte === 0x7d || byte === 0x5d) && --depth === 0) return at + 1;
      }
      return -1;
    },
  };
}

/** An object that a child has begun to write, and that goes on on its next lines. */
export interface OpenObject {
  readonly isOpen: () => boolean;
  readonly begin: (bytes: Buffer) => void;
  /** Takes the next line. "closed": it is whole now. "too-long": it grows over its bound, and must be taken as it is. */
  readonly add: (line: Buffer) => "goes-on" | "closed" | "too-long";
  /** What there is of it, on lines; it is open no more. */
  readonly take: () => Buffer;
}

/** @param maxBytes longest object. */
export function createOpenObject(maxBytes: number): OpenObject {
  let lines: Buffer[] = [];
  let bytes = 0;
  let tracker = createObjectTracker();

  const take = () => {
    const whole = Buffer.alloc(bytes);
    let at = 0;
    for (const line of lines) {
      at += line.copy(whole, at);
      if (at < bytes) whole[at++] = LF;
    }
    lines = [];
    bytes = 0;
    return whole;
  };

  return {
    isOpen: () => lines.length > 0,
    begin: (first) => {
      tracker = createObjectTracker();
      tracker.feed(first, 0);
      lines = [first];
      bytes = first.length;
    },
    add: (line) => {
      const end = tracker.feed(line, 0);
      lines.push(line);
      bytes += line.length + 1;
      if (end !== -1) return "closed";
      return bytes > maxBytes ? "too-long" : "goes-on";
    },
    take,
  };
}
