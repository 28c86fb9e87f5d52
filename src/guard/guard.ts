import { ProxyError } from "../base/errors.ts";
import type { Principal } from "../base/principal.ts";
import { createClientAddress, createForwardedProto } from "./client-address.ts";
import { createCors } from "./cors.ts";
import { createFailureLimiter } from "./failure-limit.ts";
import { createForwardedPrefix } from "./forwarded-prefix.ts";
import { createHostCheck } from "./host.ts";
import { createOriginCheck } from "./origin.ts";
import { createRates, type RateSettings, strangersText } from "./rates.ts";
import { createSecretCheck, presentedToken } from "./secret.ts";
import { securityHeaders } from "./security-headers.ts";

export type Fields = Readonly<Record<string, string>>;

export interface GuardOptions {
  readonly secret: string;
  /** The address or name that the proxy listens on. */
  readonly bindHost: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly rateLimit: RateSettings;
  /** More fields of every answer, in lower case. Default: none. */
  readonly everyAnswer?: Fields;
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
  /** Host and origin, for every route but the health check. @throws ProxyError bad_header, host_refused, origin_refused. */
  readonly admitSource: (caller: Caller) => void;
  /**
   * Who presents the token of the Authorization header, or of X-Api-Key where there is none; after `admitSource`. A right
   * token is let in whatever came before it; whoever shows none is counted by their address. `bearer` is the token as the
   * bearer plugin found it, on routes that have the plugin.
   * @throws ProxyError unauthorized, or rate_limited where that was said too often.
   */
  readonly authenticate: (caller: Caller, bearer?: string) => Principal;
  /** The host, origin and rate checks of a page that is for everyone. @throws ProxyError as `admitSource`, and rate_limited. */
  readonly admitAnyone: (caller: Caller) => void;
  /** Counts requests of one who has shown a token. @throws ProxyError rate_limited. */
  readonly admitMessages: (principal: Principal, caller: Caller, count: number) => void;
  /** Counts what starts a process. @throws ProxyError rate_limited. */
  readonly admitStart: (principal: Principal, caller: Caller) => void;
  /** Fields of the answer to a preflight; undefined: the origin is not a listed one. */
  readonly preflight: (caller: Caller) => Fields | undefined;
  /** The client's address as the log shows it. */
  readonly clientAddress: (caller: Caller) => string;
  /** The path that a trusted proxy in front has taken off, "" or "/x"; undefined: none says so. */
  readonly forwardedPrefix: (caller: Caller) => string | undefined;
}

export function createGuard(options: GuardOptions): Guard {
  const { trustedProxies, everyAnswer = {} } = options;
  const checkHost = createHostCheck({ bindHost: options.bindHost, allowed: options.allowedHosts });
  const checkOrigin = createOriginCheck({ allowed: options.allowedOrigins });
  const addressOf = createClientAddress({ trustedProxies });
  const forwardedProto = createForwardedProto({ trustedProxies });
  const forwardedPrefix = createForwardedPrefix({ trustedProxies });
  const isTls = ({ headers, peer }: Caller) => trustedProxies.length > 0 && forwardedProto(peer(), headers);
  const clientAddress = ({ headers, peer }: Caller) => addressOf(peer(), headers);
  const rates = createRates(options.rateLimit);
  const failures = createFailureLimiter();
  const cors = createCors({ origins: options.allowedOrigins });
  const isSecret = createSecretCheck(options.secret);
  const owner: Principal = { id: "owner" };
  const plain: Fields = Object.freeze({ ...securityHeaders({ tls: false }), ...everyAnswer });
  const secure: Fields = Object.freeze({ ...securityHeaders({ tls: true }), ...everyAnswer });
  const withCors = new WeakMap<Fields, Map<Fields, Fields>>();

  const answerFields = (caller: Caller): Fields => {
    const security = isTls(caller) ? secure : plain;
    const origin = caller.headers.get("origin");
    const cross = origin === null ? undefined : cors.headers(origin);
    if (cross === undefined) return security;
    const known = withCors.get(security) ?? new Map<Fields, Fields>();
    withCors.set(security, known);
    const both = known.get(cross) ?? { ...security, ...cross };
    known.set(cross, both);
    return both;
  };

  const admitSource = ({ headers }: Caller): void => {
    const host = headers.get("host");
    const verdict = checkHost(host);
    if (verdict === "malformed") throw new ProxyError("bad_header", { message: "The Host header is not a host name." });
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
  };

  /** Why one who shows no valid token is refused. Nothing that is asked here delays one who shows it. */
  const strangersRefusal = (caller: Caller, showsWrong: boolean): ProxyError => {
    const client = clientAddress(caller);
    const failure = showsWrong ? failures.fail(client) : undefined;
    rates.admitStranger(client);
    return failure === undefined || failure.allowed
      ? new ProxyError("unauthorized", { fields: { "www-authenticate": 'Bearer realm="mcp-sse-proxy"' } })
      : new ProxyError("rate_limited", {
          message: strangersText(failure.retryAfterSeconds),
          retryAfterSeconds: failure.retryAfterSeconds,
        });
  };

  return {
    answerFields,
    admitSource,
    authenticate: (caller, bearer) => {
      const presented = presentedToken(caller.headers);
      // The plugin takes any byte after the scheme for its separator, and knows one spelling of the scheme (1.4.4).
      if (
        presented.kind === "token" &&
        (bearer === undefined || bearer === presented.token) &&
        isSecret(presented.token)
      ) {
        return owner;
      }
      throw strangersRefusal(caller, presented.kind !== "absent");
    },
    admitAnyone: (caller) => {
      admitSource(caller);
      const presented = presentedToken(caller.headers);
      if (presented.kind === "token" && isSecret(presented.token)) return;
      rates.admitStranger(clientAddress(caller));
    },
    admitMessages: (principal, caller, count) => rates.admitMessages(principal, clientAddress(caller), count),
    admitStart: (principal, caller) => rates.admitStart(principal, clientAddress(caller)),
    preflight: (caller) => {
      const origin = caller.headers.get("origin");
      if (origin === null) return undefined;
      const allowed = cors.preflight(
        caller.headers.get("access-control-request-headers"),
        caller.headers.get("access-control-request-method"),
        origin,
      );
      return allowed === undefined ? undefined : { ...(isTls(caller) ? secure : plain), ...allowed };
    },
    clientAddress,
    forwardedPrefix: ({ headers, peer }) => forwardedPrefix(peer, headers),
  };
}
