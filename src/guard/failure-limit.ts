import { TokenBuckets } from "../base/token-buckets.ts";

export interface FailureLimiterOptions {
  /** Wrong secrets a minute that a client may present in the long run. Default 10. */
  readonly failuresPerMinute?: number;
  /** Wrong secrets that a client may present at once. Default 20. */
  readonly burst?: number;
  /** Most clients remembered at once. Default 10,000. */
  readonly maxClients?: number;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}

export interface FailureDecision {
  readonly allowed: boolean;
  /** For the Retry-After field of a refusal; 0 when allowed. */
  readonly retryAfterSeconds: number;
}

export interface FailureLimiter {
  /** Whether the client's secret may be compared at all. Ask before the compare (A5); asking costs nothing. */
  check(key: string): FailureDecision;
  /** Counts a wrong secret. A right one costs nothing. */
  fail(key: string): void;
  /** Clients remembered now. */
  readonly size: number;
}

const ALLOWED: FailureDecision = Object.freeze({ allowed: true, retryAfterSeconds: 0 });

/**
 * Makes a limit on wrong secrets by client, so that guessing is slow (A5): once the burst is used up, a client is refused
 * without a compare, a right secret too, until the next token. Throws a RangeError for a rate that is not above 0, or a
 * burst under 1: there is no off switch.
 */
export function createFailureLimiter({
  failuresPerMinute = 10,
  burst = 20,
  maxClients = 10_000,
  now = () => performance.now(),
}: FailureLimiterOptions = {}): FailureLimiter {
  const buckets = new TokenBuckets({
    capacity: burst,
    refillPerMinute: failuresPerMinute,
    maxBuckets: maxClients,
    now,
  });
  return {
    check: (key) => {
      // Nobody has failed lately: the case of nearly every request.
      if (buckets.size === 0) return ALLOWED;
      const { allowed, nextTokenSeconds } = buckets.peek(key);
      return allowed ? ALLOWED : { allowed, retryAfterSeconds: nextTokenSeconds };
    },
    fail: (key) => {
      buckets.take(key);
    },
    get size() {
      return buckets.size;
    },
  };
}
