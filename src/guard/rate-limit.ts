import { TokenBuckets } from "../base/token-buckets.ts";

export interface RateLimiterOptions {
  /** What the limit is called in the RateLimit fields. Default: `default`. */
  readonly name?: string;
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
  /** Counts requests of this client, one unless it says otherwise. Refused ones do not count. */
  take(key: string, count?: number): RateDecision;
  /** Clients remembered now. */
  readonly size: number;
  /** The fields of a refusal (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4). */
  fields(decision: RateDecision): Readonly<Record<string, string>>;
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
  name = "default",
  requestsPerMinute,
  burst,
  maxClients = MAX_CLIENTS,
  now = () => performance.now(),
}: RateLimiterOptions): RateLimiter {
  if (requestsPerMinute === 0) return { take: () => UNLIMITED, size: 0, fields: () => ({}) };
  const buckets = new TokenBuckets({
    capacity: burst,
    refillPerMinute: requestsPerMinute,
    maxBuckets: maxClients,
    now,
  });
  return {
    take: (key, count = 1) => {
      // A batch larger than the burst would never be let in.
      const wanted = Math.min(count, burst);
      const { allowed, remaining, nextTokenSeconds } = buckets.take(key, wanted);
      const more = Math.ceil(((wanted - remaining - 1) * 60) / requestsPerMinute);
      return {
        allowed,
        remaining,
        retryAfterSeconds: allowed ? 0 : nextTokenSeconds + more,
        resetSeconds: nextTokenSeconds,
      };
    },
    get size() {
      return buckets.size;
    },
    fields: ({ remaining, resetSeconds }) => ({
      "ratelimit-policy": `"${name}";q=${requestsPerMinute};w=60`,
      ratelimit: `"${name}";r=${remaining};t=${resetSeconds}`,
    }),
  };
}
