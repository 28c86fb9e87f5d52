const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

const MESSAGE_HEAD = Buffer.from("event: message\ndata: ");
const FRAME_TAIL = Buffer.from("\n\n");
const FRAME_BYTES = MESSAGE_HEAD.length + FRAME_TAIL.length;

/** A comment: keeps the stream alive, and no client sees it (HTML Standard, section 9.2.6). */
export const HEARTBEAT: Buffer = Buffer.from(": heartbeat\n\n");

/**
 * Makes one event of text that the proxy wrote itself. Line breaks in `data` become further data lines; the event's
 * name must not hold any.
 */
export function eventFrame(event: string, data: string): Buffer {
  const lines = data.split(/\r\n|\n|\r/).map((line) => `data: ${line}\n`);
  return Buffer.from(`event: ${event}\n${lines.join("")}\n`);
}

/**
 * Puts validated JSON messages, each on one line, into one buffer of `message` events, byte for byte.
 *
 * A carriage return ends a line of an event stream as a newline does, and may stand between JSON tokens: it becomes a
 * space, or the rest of the message would be read as fields of the stream. Valid JSON has no raw one inside a string.
 */
export function messageFrames(lines: readonly Buffer[]): Buffer {
  let size = 0;
  for (const line of lines) size += line.length + FRAME_BYTES;
  const frames = Buffer.allocUnsafe(size);
  let at = 0;
  for (const line of lines) at = putMessage(frames, at, line);
  return frames;
}

/** Writes a message's frame at a place, without an id; gives the place behind it. */
function putMessage(frames: Buffer, start: number, line: Buffer): number {
  let at = start;
  frames.set(MESSAGE_HEAD, at);
  at += MESSAGE_HEAD.length;
  frames.set(line, at);
  if (line.includes(CR)) replaceLineBreaks(frames.subarray(at, at + line.length));
  at += line.length;
  frames.set(FRAME_TAIL, at);
  return at + FRAME_TAIL.length;
}

/**
 * The same with an id for each event, `HANDLE-NUMBER`, by which a client can say what it has seen.
 *
 * @param first the number of the first one.
 */
export function numberedMessageFrames(lines: readonly Buffer[], handle: string, first: number): Buffer {
  let number = first;
  // No number is longer than the last one; what is left over at the end is cut off.
  const headBytes = `id: ${handle}-${first + lines.length}\n`.length;
  let size = 0;
  for (const line of lines) size += headBytes + line.length + FRAME_BYTES;
  const frames = Buffer.allocUnsafe(size);
  let at = 0;
  for (const line of lines) {
    at += frames.write(`id: ${handle}-${number++}\n`, at, "latin1");
    at = putMessage(frames, at, line);
  }
  return at === size ? frames : frames.subarray(0, at);
}

/** One message as an event that a client can name when it comes back (`Last-Event-ID`, HTML Standard, section 9.2.4). */
export function messageFrame(line: Buffer, id: string): Buffer {
  const head = `id: ${id}\nevent: message\ndata: `;
  const frame = Buffer.allocUnsafe(head.length + line.length + FRAME_TAIL.length);
  frame.write(head, "latin1");
  frame.set(line, head.length);
  if (line.includes(CR)) replaceLineBreaks(frame.subarray(head.length, head.length + line.length));
  frame.set(FRAME_TAIL, head.length + line.length);
  return frame;
}

/** An event with an id and empty data: the client knows where to come back to, and after how long to try. */
export function primingFrame(id: string, retryMs: number): Buffer {
  return Buffer.from(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`);
}

/** Turns validated JSON into one line, in place: every raw CR or LF of it stands between tokens. */
export function replaceLineBreaks(json: Uint8Array): void {
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === CR || byte === LF) json[i] = SPACE;
  }
}
