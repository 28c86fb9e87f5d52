/** As many bytes are kept of either end. */
export const EDGE = 1024;

const EMPTY = Buffer.alloc(0);

/**
 * The first and the last kilobyte of something that comes in pieces, and its length: a driver that reads megabytes finds
 * the id at one of the ends, and copies nothing of what lies between.
 */
export class Edges {
  #first: Buffer = EMPTY;
  #last: Buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies what it keeps of the piece. */
  push(piece: Buffer): void {
    if (this.#length < EDGE) {
      const fresh = piece.subarray(0, EDGE - this.#length);
      this.#first = this.#length === 0 ? Buffer.from(fresh) : Buffer.concat([this.#first, fresh]);
    }
    const beyond = this.#length + piece.length - EDGE;
    if (beyond > 0) {
      const fresh = piece.subarray(Math.max(0, piece.length - Math.min(beyond, EDGE)));
      const kept =
        fresh.length === EDGE ? EMPTY : this.#last.subarray(Math.max(0, this.#last.length + fresh.length - EDGE));
      this.#last = Buffer.concat([kept, fresh]);
    }
    this.#length += piece.length;
  }

  /** Gives the ends joined, which is the whole of what is no longer than both, and begins anew. */
  take(): Buffer {
    const whole = this.#last.length === 0 ? this.#first : Buffer.concat([this.#first, this.#last]);
    this.#first = EMPTY;
    this.#last = EMPTY;
    this.#length = 0;
    return whole;
  }
}
