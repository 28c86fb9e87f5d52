import { ProxyError } from "../base/errors.ts";
import type { Principal } from "../base/principal.ts";
import { createClientAddress, createForwardedProto } from "./client-address.ts";
import { createCors } from "./cors.ts";
import { createFailureLimiter } from "./failure-limit.ts";
import { createHostCheck } from "./host.ts";
import { createOriginCheck } from "./origin.ts";
import { createRateLimiter, renderRateLimit } from "./rate-limit.ts";
import { createSecretCheck, parseBearer } from "./secret.ts";
import { securityHeaders } from "./security-headers.ts";

export type Fields = Readonly<Record<string, string>>;

export interface GuardOptions {
  readonly secret: string;
  /** The address or name that the proxy listens on. */
  readonly bindHost: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly rateLimit: { readonly requestsPerMinute: number; readonly burst: number };
}

/** What the guards look at. */
export interface Caller {
  readonly headers: Headers;
  /** Address of the connection's other end; asking for it costs more than all other checks together. */
  readonly peer: () => string;
}

/**
 * The guards in their order. Each route calls what guards it: nothing here knows a path (DESIGN, "Traps": access decided on
 * a parsed path is access for everyone).
 */
export interface Guard {
  /** Security and CORS fields for any answer to this caller, refusals included. One object for all callers that are alike. */
  readonly answerFields: (caller: Caller) => Fields;
  /** Host, origin and rate limit. Gives the RateLimit fields. @throws ProxyError bad_header, host_refused, origin_refused, rate_limited. */
  readonly admitAnyone: (caller: Caller) => Fields | undefined;
  /**
   * Who presents the token of the Authorization header; after `admitAnyone`. `bearer` is the token as the bearer plugin
   * found it, on routes that have the plugin.
   * @throws ProxyError unauthorized, or rate_limited for a client that has guessed wrong too often.
   */
  readonly authenticate: (caller: Caller, bearer?: string) => Principal;
  /** Fields of the answer to a preflight; undefined: the origin is not a listed one. */
  readonly preflight: (caller: Caller) => Fields | undefined;
  /** The client's address as the log shows it. */
  readonly clientAddress: (caller: Caller) => string;
}

export function createGuard(options: GuardOptions): Guard {
  const checkHost = createHostCheck({ bindHost: options.bindHost, allowed: options.allowedHosts });
  const checkOrigin = createOriginCheck({ allowed: options.allowedOrigins });
  const addressOf = createClientAddress({ trustedProxies: options.trustedProxies });
  const forwardedProto = createForwardedProto({ trustedProxies: options.trustedProxies });
  const isTls = ({ headers, peer }: Caller) => options.trustedProxies.length > 0 && forwardedProto(peer(), headers);
  const limiter = createRateLimiter(options.rateLimit);
  const failures = createFailureLimiter();
  const cors = createCors({ origins: options.allowedOrigins });
  const isSecret = createSecretCheck(options.secret);
  const owner: Principal = { id: "owner" };
  const withCors = new WeakMap<Fields, Map<Fields, Fields>>();

  const answerFields = (caller: Caller): Fields => {
    const security = securityHeaders({ tls: isTls(caller) });
    const origin = caller.headers.get("origin");
    const cross = origin === null ? undefined : cors.headers(origin);
    if (cross === undefined) return security;
    const known = withCors.get(security) ?? new Map<Fields, Fields>();
    withCors.set(security, known);
    const both = known.get(cross) ?? { ...security, ...cross };
    known.set(cross, both);
    return both;
  };

  return {
    answerFields,
    admitAnyone: ({ headers, peer }) => {
      const host = headers.get("host");
      const verdict = checkHost(host);
      if (verdict === "malformed")
        throw new ProxyError("bad_header", { message: "The Host header is not a host name." });
      if (verdict === "refused") {
        throw new ProxyError("host_refused", {
          message: "The Host header is not an allowed host name; the operator can add it to allowedHosts.",
        });
      }
      if (checkOrigin(headers.get("origin"), host ?? "") === "refused") {
        throw new ProxyError("origin_refused", {
          message: "The Origin header is not an allowed origin; the operator can add it to cors.origins.",
        });
      }
      if (limiter.policy === undefined) return undefined;
      const decision = limiter.take(addressOf(peer(), headers));
      const fields = { "ratelimit-policy": limiter.policy, ratelimit: renderRateLimit(decision) };
      if (decision.allowed) return fields;
      throw new ProxyError("rate_limited", { retryAfterSeconds: decision.retryAfterSeconds, fields });
    },
    authenticate: ({ headers, peer }, bearer) => {
      const client = failures.size === 0 ? undefined : addressOf(peer(), headers);
      const decision = client === undefined ? undefined : failures.check(client);
      if (decision?.allowed === false) {
        throw new ProxyError("rate_limited", {
          message: "Too many wrong tokens. Retry after Retry-After seconds.",
          retryAfterSeconds: decision.retryAfterSeconds,
        });
      }
      // The plugin takes any byte after the scheme for its separator, and knows one spelling of the scheme (1.4.4).
      const parsed = parseBearer(headers.get("authorization"));
      if (parsed.kind === "token" && (bearer === undefined || bearer === parsed.token) && isSecret(parsed.token)) {
        return owner;
      }
      if (parsed.kind !== "absent") failures.fail(client ?? addressOf(peer(), headers));
      throw new ProxyError("unauthorized", { fields: { "www-authenticate": 'Bearer realm="mcp-sse-proxy"' } });
    },
    preflight: (caller) => {
      const origin = caller.headers.get("origin");
      if (origin === null) return undefined;
      const allowed = cors.preflight(
        caller.headers.get("access-control-request-headers"),
        caller.headers.get("access-control-request-method"),
        origin,
      );
      return allowed === undefined ? undefined : { ...securityHeaders({ tls: isTls(caller) }), ...allowed };
    },
    clientAddress: ({ headers, peer }) => addressOf(peer(), headers),
  };
}
