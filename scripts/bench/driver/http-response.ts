/** What the scanner reports of the responses on one connection, in order. */
export interface ResponseEvents {
  /** `head`: the status line and the fields, as they came. */
  head(status: number, head: string): void;
  /** A piece of the body: a view that is valid only during the call. */
  body(piece: Buffer): void;
  end(): void;
}

type State = "head" | "counted" | "size" | "chunk" | "gap" | "trailer";

const EMPTY = Buffer.alloc(0);
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const STATUS_AT = "HTTP/1.1 ".length;

/**
 * Reads HTTP/1.1 responses off a connection by scanning bytes (RFC 9112, sections 6 and 7.1): bodies with a length and
 * chunked ones, as many on one connection as come. It knows no trailers and no bodies that end with the connection: no
 * gateway here sends them, and one that did would throw.
 */
export class ResponseScanner {
  readonly #events: ResponseEvents;
  #state: State = "head";
  /** A head or a size line that the last read cut. */
  #carry: Buffer = EMPTY;
  /** Bytes that the body, the chunk or the gap after it still has. */
  #left = 0;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  push(read: Buffer): void {
    const bytes = this.#carry.length === 0 ? read : Buffer.concat([this.#carry, read]);
    this.#carry = EMPTY;
    let at = 0;
    while (at < bytes.length) {
      const next = this.#step(bytes, at);
      if (next === at) {
        // The read's memory may be used again after this call: what is kept is copied.
        this.#carry = Buffer.from(bytes.subarray(at));
        return;
      }
      at = next;
    }
  }

  /** Takes what can be taken at `at`; the same position back means that more bytes are needed. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#head(bytes, at);
      case "size":
        return this.#size(bytes, at);
      case "trailer":
        return this.#trailer(bytes, at);
      case "counted":
      case "chunk":
      case "gap":
        return this.#counted(bytes, at);
    }
  }

  #head(bytes: Buffer, at: number): number {
    const end = bytes.indexOf("\r\n\r\n", at);
    if (end === -1) return at;
    const head = bytes.toString("latin1", at, end);
    const status = Number(head.slice(STATUS_AT, STATUS_AT + 3));
    const length = LENGTH.exec(head)?.[1];
    if (length !== undefined) {
      this.#left = Number(length);
      this.#state = this.#left === 0 ? "head" : "counted";
    } else if (CHUNKED.test(head)) {
      this.#state = "size";
    } else if (status !== 204) {
      throw new Error(`a response with neither a length nor chunks: ${head.slice(0, 200)}`);
    }
    this.#events.head(status, head);
    if (this.#state === "head") this.#events.end();
    return end + 4;
  }

  #size(bytes: Buffer, at: number): number {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return at;
    this.#left = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (Number.isNaN(this.#left))
      throw new Error(`not a chunk size: ${bytes.toString("latin1", at, Math.min(end, at + 40))}`);
    this.#state = this.#left === 0 ? "trailer" : "chunk";
    return end + 2;
  }

  #trailer(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return at;
    if (bytes.toString("latin1", at, at + 2) !== "\r\n") throw new Error("a response with trailers");
    this.#state = "head";
    this.#events.end();
    return at + 2;
  }

  #counted(bytes: Buffer, at: number): number {
    const next = Math.min(bytes.length, at + this.#left);
    if (this.#state !== "gap") this.#events.body(bytes.subarray(at, next));
    this.#left -= next - at;
    if (this.#left > 0) return next;
    if (this.#state === "counted") {
      this.#state = "head";
      this.#events.end();
    } else if (this.#state === "chunk") {
      this.#state = "gap";
      this.#left = 2;
    } else {
      this.#state = "size";
    }
    return next;
  }
}
