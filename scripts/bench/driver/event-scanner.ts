import { EDGE, Edges } from "./edges.ts";

/**
 * Takes one server-sent event: the bytes from `start` to `end`, a view that is valid only during the call. Of an event over
 * 2 KB only the first and the last kilobyte are there; `length` is the true one.
 */
export type EventReader = (bytes: Buffer, start: number, end: number, length: number) => void;

const LINE_FEED = 0x0a;
const LINE = Buffer.from("\n");
const END = Buffer.from("\n\n");
const ID = Buffer.from('"id":');

/**
 * Cuts an event stream into events (WHATWG HTML, section 9.2.5) without copying the middle of large ones, so that a driver
 * that reads megabytes costs little. Lines end with LF alone: every gateway here writes them so.
 */
export class EventScanner {
  readonly #read: EventReader;
  /** The event that a piece cut, as far as it came. */
  readonly #cut = new Edges();
  #heldLineFeed = false;

  constructor(read: EventReader) {
    this.#read = read;
  }

  push(bytes: Buffer): void {
    let at = this.#cut.length > 0 || this.#heldLineFeed ? this.#finish(bytes) : 0;
    if (at === -1) return;
    for (let end = bytes.indexOf(END, at); end !== -1; end = bytes.indexOf(END, at)) {
      this.#whole(bytes, at, end);
      at = end + 2;
    }
    this.#keepRest(bytes, at);
  }

  /** Ends the event that the last piece cut, and returns where the next one starts; -1: it goes on beyond this piece. */
  #finish(bytes: Buffer): number {
    let next: number;
    if (this.#heldLineFeed && bytes[0] === LINE_FEED) {
      next = 1;
    } else {
      if (this.#heldLineFeed) this.#cut.push(LINE);
      const end = bytes.indexOf(END);
      if (end === -1) {
        this.#keepRest(bytes, 0);
        return -1;
      }
      this.#cut.push(bytes.subarray(0, end));
      next = end + 2;
    }
    const { length } = this.#cut;
    const whole = this.#cut.take();
    this.#heldLineFeed = false;
    this.#read(whole, 0, whole.length, length);
    return next;
  }

  /** Keeps a piece that ends inside an event; an LF at its end waits, as it may be the first half of the blank line. */
  #keepRest(bytes: Buffer, at: number): void {
    this.#heldLineFeed = at < bytes.length && bytes.at(-1) === LINE_FEED;
    this.#cut.push(bytes.subarray(at, this.#heldLineFeed ? bytes.length - 1 : bytes.length));
  }

  #whole(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= 2 * EDGE) {
      this.#read(bytes, start, end, length);
      return;
    }
    const edges = Buffer.concat([bytes.subarray(start, start + EDGE), bytes.subarray(end - EDGE, end)]);
    this.#read(edges, 0, edges.length, length);
  }
}

/** The numeric `id` of the JSON-RPC message in an event or a body; -1: it has none. Looks for the first, then for the last `"id":`. */
export function answerId(bytes: Buffer, start: number, end: number): number {
  const first = bytes.indexOf(ID, start);
  if (first === -1 || first >= end) return -1;
  const id = digits(bytes, first + ID.length, end);
  return id === -1 ? digits(bytes, bytes.lastIndexOf(ID, end) + ID.length, end) : id;
}

function digits(bytes: Buffer, from: number, end: number): number {
  let value = -1;
  for (let at = from; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    value = (value === -1 ? 0 : value * 10) + digit;
  }
  return value;
}
