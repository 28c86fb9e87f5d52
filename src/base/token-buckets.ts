export interface TokenBucketsOptions {
  /** Tokens that a full bucket holds; at least 1. */
  readonly capacity: number;
  /** Tokens that come back a minute; more than 0. */
  readonly refillPerMinute: number;
  /** Most buckets kept at once. */
  readonly maxBuckets: number;
  /** A monotonic clock in milliseconds: one that can be set back would lock clients out (R8). */
  readonly now: () => number;
}

/** What a bucket holds after a look into it. */
export interface BucketState {
  /** Whether there was a token to take. */
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Until there is one token more, in whole seconds and at least 1; 0 when the bucket is full. */
  readonly nextTokenSeconds: number;
}

/** A bucket is one number, the time at which it will be full again; the links keep the order of use. */
interface Bucket {
  readonly key: string;
  fullAt: number;
  older: Bucket | undefined;
  newer: Bucket | undefined;
}

/** Sums of fractions of a millisecond must not cost a client a whole token. */
const ROUNDING_MS = 1e-6;

/**
 * Token buckets by key, in memory and bounded. Only buckets that are not full are kept: a full one is as good as none.
 *
 * Forgetting is spread over the takes, with no timer and no sweep: each looks at the two buckets that were used longest ago
 * and drops the full ones. When there are `maxBuckets` that are not full, the one used longest ago goes, so its key starts
 * anew. Whoever commands so many addresses has that many buckets anyhow; to refuse the newcomer instead would let them
 * lock everybody out.
 */
export class TokenBuckets {
  readonly #msPerToken: number;
  readonly #capacityMs: number;
  readonly #capacity: number;
  readonly #maxBuckets: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #oldest: Bucket | undefined;
  #newest: Bucket | undefined;

  /** Throws a RangeError for a number that makes no bucket. */
  constructor({ capacity, refillPerMinute, maxBuckets, now }: TokenBucketsOptions) {
    if (!(capacity >= 1) || !(refillPerMinute > 0) || !(maxBuckets >= 1)) {
      throw new RangeError(
        `A token bucket needs a capacity of at least 1 (${capacity}), a refill above 0 (${refillPerMinute}) and a place to be (${maxBuckets}).`,
      );
    }
    this.#msPerToken = 60_000 / refillPerMinute;
    this.#capacity = capacity;
    this.#capacityMs = capacity * this.#msPerToken;
    this.#maxBuckets = maxBuckets;
    this.#now = now;
  }

  /** Buckets kept now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Looks without taking; leaves no trace of the key. */
  peek(key: string): BucketState {
    const now = this.#now();
    const debt = this.#debtOf(this.#buckets.get(key), now);
    return this.#state(debt + this.#msPerToken <= this.#capacityMs + ROUNDING_MS, debt);
  }

  /** Takes tokens, one unless it says otherwise, if there are so many; a refusal costs nothing. */
  take(key: string, tokens = 1): BucketState {
    const now = this.#now();
    const known = this.#buckets.get(key);
    const debt = this.#debtOf(known, now);
    const after = debt + tokens * this.#msPerToken;
    const allowed = after <= this.#capacityMs + ROUNDING_MS;
    if (known !== undefined) {
      this.#unlink(known);
      if (allowed) known.fullAt = now + after;
      this.#append(known);
    } else if (allowed) {
      const bucket: Bucket = { key, fullAt: now + after, older: undefined, newer: undefined };
      this.#buckets.set(key, bucket);
      this.#append(bucket);
    }
    this.#forgetFull(now);
    if (this.#buckets.size > this.#maxBuckets) this.#dropOldest();
    return this.#state(allowed, allowed ? after : debt);
  }

  #debtOf(bucket: Bucket | undefined, now: number): number {
    return bucket === undefined ? 0 : Math.max(0, bucket.fullAt - now);
  }

  #state(allowed: boolean, debtMs: number): BucketState {
    const tokens = (this.#capacityMs - debtMs + ROUNDING_MS) / this.#msPerToken;
    const remaining = Math.max(0, Math.floor(tokens));
    const untilNextMs = remaining >= this.#capacity ? 0 : (remaining + 1 - tokens) * this.#msPerToken;
    return { allowed, remaining, nextTokenSeconds: Math.ceil(untilNextMs / 1000) };
  }

  #forgetFull(now: number): void {
    for (let looks = 0; looks < 2 && this.#oldest !== undefined && this.#oldest.fullAt <= now; looks++) {
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const bucket = this.#oldest;
    if (bucket === undefined) return;
    this.#unlink(bucket);
    this.#buckets.delete(bucket.key);
  }

  #unlink(bucket: Bucket): void {
    if (bucket.older === undefined) this.#oldest = bucket.newer;
    else bucket.older.newer = bucket.newer;
    if (bucket.newer === undefined) this.#newest = bucket.older;
    else bucket.newer.older = bucket.older;
    bucket.older = undefined;
    bucket.newer = undefined;
  }

  #append(bucket: Bucket): void {
    bucket.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = bucket;
    else this.#newest.newer = bucket;
    this.#newest = bucket;
  }
}
