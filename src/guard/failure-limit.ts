import { TokenBuckets } from "../base/token-buckets.ts";

export interface FailureLimiterOptions {
  /** Wrong secrets a minute that a client may present in the long run. Default 10. */
  readonly failuresPerMinute?: number;
  /** Wrong secrets that a client may present at once. Default 20. */
  readonly burst?: number;
  /** Wrong secrets a minute of all clients together, in the long run and at once. Default 1,000. */
  readonly failuresOfAllPerMinute?: number;
  /** Most clients remembered at once. Default 10,000. */
  readonly maxClients?: number;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}

export interface FailureDecision {
  /** Whether the wrong secret is answered as such; else its sender is told to slow down. */
  readonly allowed: boolean;
  /** For the Retry-After field of a refusal; 0 when allowed. */
  readonly retryAfterSeconds: number;
}

export interface FailureLimiter {
  /** Counts a wrong secret, for its client and for all together. */
  fail(key: string): FailureDecision;
  /** Clients remembered now. */
  readonly size: number;
}

/** The one key of the bucket that all share. */
const ALL = "all";

/**
 * Makes a limit on wrong secrets (A5), by client, so that nobody's guesses limit another, and for all clients together,
 * since one guesser may have many addresses. It is asked about wrong secrets alone: a right one is let in whatever came
 * before, or whoever can send wrong ones in an address's name could lock its owner out.
 *
 * Throws a RangeError for a rate that is not above 0, or a burst under 1: there is no off switch.
 */
export function createFailureLimiter({
  failuresPerMinute = 10,
  burst = 20,
  failuresOfAllPerMinute = 1_000,
  maxClients = 10_000,
  now = () => performance.now(),
}: FailureLimiterOptions = {}): FailureLimiter {
  const clients = new TokenBuckets({
    capacity: burst,
    refillPerMinute: failuresPerMinute,
    maxBuckets: maxClients,
    now,
  });
  const everybody = new TokenBuckets({
    capacity: Math.max(1, failuresOfAllPerMinute),
    refillPerMinute: failuresOfAllPerMinute,
    maxBuckets: 1,
    now,
  });
  return {
    fail: (key) => {
      const own = clients.take(key);
      // One that is over its own limit takes nothing of the others'.
      const { allowed, nextTokenSeconds } = own.allowed ? everybody.take(ALL) : own;
      return { allowed, retryAfterSeconds: allowed ? 0 : nextTokenSeconds };
    },
    get size() {
      return clients.size;
    },
  };
}
