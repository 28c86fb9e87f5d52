/** One event as a browser would see it. The data keeps its bytes. */
export interface StreamEvent {
  readonly type: string;
  readonly data: Buffer;
  /** The `id` field of this very event; undefined when it has none. */
  readonly id: string | undefined;
}

/** A reader of an event stream's bytes: give it chunks as they come. */
export interface EventStreamReader {
  readonly push: (chunk: Uint8Array) => readonly StreamEvent[];
  /** Comments so far: heartbeats. */
  readonly comments: () => number;
  /** What a client would send as Last-Event-ID now: the last id that came, with an event or without one. */
  readonly lastEventId: () => string | undefined;
  /** The last `retry` that came, in milliseconds. */
  readonly retryMs: () => number | undefined;
}

const LF = 10;
const CR = 13;

/**
 * Reads as the HTML standard says (9.2.6 "Interpreting an event stream"): a line ends at LF, CR, or CR LF. Written apart from the
 * proxy's own framing, so that a bare CR which would split a frame for a real client splits it here, too.
 */
export function createEventStreamReader(): EventStreamReader {
  let line: Buffer[] = [];
  let skipLineFeed = false;
  let type = "";
  let data: Buffer[] = [];
  let comments = 0;
  let id: string | undefined;
  let lastEventId: string | undefined;
  let retryMs: number | undefined;

  const endLine = (events: StreamEvent[]): void => {
    const text = Buffer.concat(line);
    line = [];
    if (text.length === 0) {
      if (data.length > 0) events.push({ type: type === "" ? "message" : type, data: joinLines(data), id });
      lastEventId = id ?? lastEventId;
      type = "";
      data = [];
      id = undefined;
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) {
      comments++;
      return;
    }
    const name = (colon === -1 ? text : text.subarray(0, colon)).toString();
    const afterColon = colon === -1 ? Buffer.alloc(0) : text.subarray(colon + 1);
    const value = afterColon[0] === 0x20 ? afterColon.subarray(1) : afterColon;
    if (name === "event") type = value.toString();
    if (name === "data") data.push(value);
    if (name === "id" && !value.includes(0)) id = value.toString();
    if (name === "retry" && /^\d+$/.test(value.toString())) retryMs = Number(value.toString());
  };

  const push = (chunk: Uint8Array): readonly StreamEvent[] => {
    const events: StreamEvent[] = [];
    const bytes = Buffer.from(chunk);
    let start = 0;
    if (skipLineFeed && bytes[0] === LF) start = 1;
    if (bytes.length > 0) skipLineFeed = false;
    while (start < bytes.length) {
      const end = lineEnd(bytes, start);
      if (end === -1) {
        line.push(bytes.subarray(start));
        break;
      }
      line.push(bytes.subarray(start, end));
      endLine(events);
      start = end + 1;
      if (bytes[end] !== CR) continue;
      if (bytes[start] === LF) start++;
      else if (start === bytes.length) skipLineFeed = true;
    }
    return events;
  };

  return { push, comments: () => comments, lastEventId: () => lastEventId, retryMs: () => retryMs };
}

function lineEnd(bytes: Buffer, from: number): number {
  const lineFeed = bytes.indexOf(LF, from);
  const within = lineFeed === -1 ? bytes : bytes.subarray(0, lineFeed);
  const carriageReturn = within.indexOf(CR, from);
  return carriageReturn === -1 ? lineFeed : carriageReturn;
}

function joinLines(lines: readonly Buffer[]): Buffer {
  const [first = Buffer.alloc(0)] = lines;
  return lines.length === 1 ? first : Buffer.from(lines.map((line) => line.toString("latin1")).join("\n"), "latin1");
}
