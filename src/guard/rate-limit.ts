import { TokenBuckets } from "../base/token-buckets.ts";

export interface RateLimiterOptions {
  /** Requests a minute that each client may make in the long run. 0 switches the limit off. */
  readonly requestsPerMinute: number;
  /** Requests that a client may make at once: the capacity of its bucket, which refills at the rate above. */
  readonly burst: number;
  /** Most clients remembered at once. Default 10,000, about 2 MB. */
  readonly maxClients?: number;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}

export interface RateDecision {
  readonly allowed: boolean;
  /** Requests that the client may make at once now. */
  readonly remaining: number;
  /** For the Retry-After field of a refusal; 0 when allowed. */
  readonly retryAfterSeconds: number;
  /** Until one request more may be made. */
  readonly resetSeconds: number;
}

export interface RateLimiter {
  /** Counts a request of this client. A refused request does not count. */
  take(key: string): RateDecision;
  /** Clients remembered now. */
  readonly size: number;
  /** The RateLimit-Policy field; undefined when the limit is off, and then no field is to be sent. */
  readonly policy: string | undefined;
}

const MAX_CLIENTS = 10_000;

const UNLIMITED: RateDecision = Object.freeze({
  allowed: true,
  remaining: Number.POSITIVE_INFINITY,
  retryAfterSeconds: 0,
  resetSeconds: 0,
});

/**
 * Makes a limit on requests by client: a token bucket each, in memory and bounded in number (see TokenBuckets for what
 * happens at the bound). Throws a RangeError for a negative rate, or a burst under 1.
 */
export function createRateLimiter({
  requestsPerMinute,
  burst,
  maxClients = MAX_CLIENTS,
  now = () => performance.now(),
}: RateLimiterOptions): RateLimiter {
  if (requestsPerMinute === 0) return { take: () => UNLIMITED, size: 0, policy: undefined };
  const buckets = new TokenBuckets({
    capacity: burst,
    refillPerMinute: requestsPerMinute,
    maxBuckets: maxClients,
    now,
  });
  return {
    take: (key) => {
      const { allowed, remaining, nextTokenSeconds } = buckets.take(key);
      return { allowed, remaining, retryAfterSeconds: allowed ? 0 : nextTokenSeconds, resetSeconds: nextTokenSeconds };
    },
    get size() {
      return buckets.size;
    },
    policy: renderRateLimitPolicy(requestsPerMinute, 60),
  };
}

/** The RateLimit-Policy field (draft-ietf-httpapi-ratelimit-headers-10, section 3): so many requests in so many seconds. */
export function renderRateLimitPolicy(quota: number, windowSeconds: number): string {
  return `"default";q=${quota};w=${windowSeconds}`;
}

/** The RateLimit field of the same draft, section 4: requests left, and the seconds until there is one more. */
export function renderRateLimit({ remaining, resetSeconds }: RateDecision): string {
  return `"default";r=${remaining};t=${resetSeconds}`;
}
