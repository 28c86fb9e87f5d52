import { ProxyError } from "../base/errors.ts";
import type { Principal } from "../base/principal.ts";
import { createRateLimiter, type RateDecision, type RateLimiter } from "./rate-limit.ts";

/** How many requests are taken, a minute in the long run and at once. A rate of 0 switches its limit off. */
export interface RateSettings {
  /** Of each address, without a valid token. */
  readonly requestsPerMinute: number;
  readonly burst: number;
  /** Of each principal at each address. */
  readonly messagesPerMinute: number;
  readonly messagesBurst: number;
  /** Of each principal at each address, what starts a process. */
  readonly startsPerMinute: number;
  readonly startsBurst: number;
}

/** The limits on rates: strict for strangers, wide for callers, who run into them by a fault alone. */
export interface Rates {
  /** Whether one more request without a valid token is taken from this address. @throws ProxyError rate_limited. */
  readonly admitStranger: (client: string) => void;
  /** Whether so many requests more are taken from a caller. @throws ProxyError rate_limited. */
  readonly admitMessages: (principal: Principal, client: string, count: number) => void;
  /** Whether a caller may start one process more. @throws ProxyError rate_limited. */
  readonly admitStart: (principal: Principal, client: string) => void;
}

export function createRates(settings: RateSettings): Rates {
  const { requestsPerMinute, burst, messagesPerMinute, messagesBurst, startsPerMinute, startsBurst } = settings;
  const strangers = createRateLimiter({ requestsPerMinute, burst });
  const messages = createRateLimiter({ name: "messages", requestsPerMinute: messagesPerMinute, burst: messagesBurst });
  const starts = createRateLimiter({ name: "starts", requestsPerMinute: startsPerMinute, burst: startsBurst });
  // The name of a principal may hold anything; an address has no space.
  const keyOf = (principal: Principal, client: string) => `${client} ${principal.id}`;

  return {
    admitStranger: (client) => {
      const decision = strangers.take(client);
      if (decision.allowed) return;
      throw tooMany(strangers, decision, (seconds) => strangersText(seconds));
    },
    admitMessages: (principal, client, count) => {
      const decision = messages.take(keyOf(principal, client), count);
      if (decision.allowed) return;
      throw tooMany(
        messages,
        decision,
        (seconds) =>
          `Too many requests: ${messagesPerMinute} a minute are taken (rateLimit.messagesPerMinute). Retry after ${seconds} s.`,
      );
    },
    admitStart: (principal, client) => {
      const decision = starts.take(keyOf(principal, client));
      if (decision.allowed) return;
      throw tooMany(
        starts,
        decision,
        (seconds) =>
          `Too many servers started: ${startsPerMinute} a minute may be (rateLimit.startsPerMinute). Retry after ${seconds} s.`,
      );
    },
  };
}

/** What whoever shows no valid token is told: what to do comes first, since waiting alone will not help. */
export function strangersText(seconds: number): string {
  return `Too many requests without a valid token. Show the token, or retry after ${seconds} s.`;
}

function tooMany(limiter: RateLimiter, decision: RateDecision, text: (seconds: number) => string): ProxyError {
  const { retryAfterSeconds } = decision;
  return new ProxyError("rate_limited", {
    message: text(retryAfterSeconds),
    retryAfterSeconds,
    fields: limiter.fields(decision),
  });
}
