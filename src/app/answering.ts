import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import type { Fields, Guard } from "../guard/guard.ts";
import type { Server } from "../process/server.ts";
import { answerError, type Dialect } from "../transport/answer.ts";
import { drainBody, hasLargeBody } from "../transport/drain.ts";
import type { TransportAnswer, TransportRequest } from "../transport/request.ts";
import { type Arrival, callerOf } from "./arrival.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { requirePlainKey } from "./wire-path.ts";

/**
 * For so long a connection that is idle between requests is kept at the least: longer than hops in front keep theirs (60 s
 * at nginx, at AWS's balancers and in .NET), or they send a request into one that is being closed.
 */
const KEEP_ALIVE_SECONDS = 75;

/** Bun ends a connection that is quiet for so long between requests, or within one; event streams are exempt. */
export const CONNECTION_IDLE_SECONDS = KEEP_ALIVE_SECONDS + 5;

/** What every answer tells about its connection. */
export const KEEP_ALIVE_FIELDS: Fields = { "keep-alive": `timeout=${KEEP_ALIVE_SECONDS}` };

/** The log's status for a client that left before its answer, as nginx has it. */
const CLIENT_LEFT = 499;

/** What clients ask for that look for an authorization server (RFC 8615): never a server's name. */
const WELL_KNOWN = ".well-known";

type Answer = Response | Promise<Response>;

export interface AnsweringOptions {
  readonly guard: Guard;
  /** The allowlist, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  /** Public path before all routes, without a slash at its end; empty: none. */
  readonly basePath: string;
  /** The path before the routes that answer by this: "" or the base path. */
  readonly prefix: string;
  readonly refusals: RefusalLog;
  readonly log: Logger;
}

/** A request that was refused, or has failed. */
export interface Refused {
  readonly arrival: Arrival;
  readonly route: string;
  readonly dialect: Dialect;
  readonly error: unknown;
  /** When it came, in milliseconds of `performance.now()`. */
  readonly since: number;
  /** Who had shown a token, as far as it got. */
  readonly principal?: Principal | undefined;
  /** JSON text of the id of the JSON-RPC request, where it was read. */
  readonly rpcId?: string | undefined;
}

/** How routes answer: with their guards before them, in their dialect, and with a line of the log. */
export interface Answering {
  /** A management route for those who present the secret; `answer` is given the fields that its answer must have. */
  readonly authorized: (
    arrival: Arrival,
    route: string,
    bearer: string | undefined,
    answer: (fields: Fields) => Response,
  ) => Answer;
  /** A route that carries MCP, for those who present the secret. `key` names the server, decoded. */
  readonly guarded: (
    arrival: Arrival,
    route: string,
    key: string,
    handle: (request: TransportRequest) => TransportAnswer | Promise<TransportAnswer>,
  ) => Answer;
  /** Answers a request with an error, when its body has come to its end. */
  readonly refuse: (refused: Refused) => Answer;
  /** The path that stands before the proxy's own in URLs that a client is told. */
  readonly publicPrefix: (arrival: Arrival) => string;
}

export function createAnswering(options: AnsweringOptions): Answering {
  const { guard, servers, basePath, prefix, refusals, log } = options;
  const logs = log.isLevelEnabled("info");

  /** One line a request. What a client sent is named only as far as it is no credential: never a query, never a header. */
  const logRequest = (
    { request }: Arrival,
    route: string,
    status: number,
    since: number,
    more: Readonly<Record<string, unknown>>,
  ) => {
    if (!logs) return;
    log.info({ method: request.method, route, status, ms: elapsed(since), ...more }, "request");
  };

  const answerRefused = ({
    arrival,
    route,
    dialect,
    error,
    since,
    principal,
    rpcId,
  }: Refused): ReturnType<typeof answerError> => {
    const caller = callerOf(arrival);
    const answer = answerError(error, dialect, guard.answerFields(caller), rpcId);
    const { response, code, failureId } = answer;
    if (!(error instanceof ProxyError) && arrival.request.signal.aborted) {
      logRequest(arrival, route, CLIENT_LEFT, since, {});
      return answer;
    }
    if (failureId !== undefined) log.error({ err: error, failureId, route }, "request failed");
    const isCheap = failureId === undefined && (principal === undefined || code === "rate_limited");
    if (isCheap && !refusals.count(code)) return answer;
    const client = guard.clientAddress(caller);
    logRequest(arrival, route, response.status, since, {
      client,
      code,
      ...(failureId === undefined ? {} : { failureId }),
    });
    return answer;
  };

  const refuse = (refused: Refused): Answer => {
    const { request } = refused.arrival;
    if (!hasLargeBody(request)) return answerRefused(refused).response;
    return drainBody(request).then((isOver) => {
      const { response } = answerRefused(refused);
      if (isOver) return response;
      response.headers.set("connection", "close");
      response.headers.delete("keep-alive");
      return response;
    });
  };

  const publicPrefix = (arrival: Arrival): string => {
    const forwarded = guard.forwardedPrefix(callerOf(arrival));
    // What the hop has taken off stands before what it left.
    return forwarded === undefined ? basePath : forwarded + prefix;
  };

  return {
    refuse,
    publicPrefix,

    authorized: (arrival, route, bearer, answer) => {
      const since = performance.now();
      let principal: Principal | undefined;
      try {
        const caller = callerOf(arrival);
        guard.admitSource(caller);
        principal = guard.authenticate(caller, bearer);
        guard.admitMessages(principal, caller, 1);
        const response = answer(guard.answerFields(caller));
        logRequest(arrival, route, response.status, since, { client: guard.clientAddress(caller) });
        return response;
      } catch (error) {
        return refuse({ arrival, route, dialect: "management", error, since, principal });
      }
    },

    // Not an async function: each costs half a microsecond.
    guarded: (arrival, route, key, handle) => {
      const since = performance.now();
      const { request } = arrival;
      const caller = callerOf(arrival);
      let principal: Principal | undefined;
      let rpcId: string | undefined;
      let isCounted = false;

      const onError = (error: unknown) => {
        // The handler may have lifted it, and a connection whose request was refused may not stay for ever.
        arrival.server?.timeout(request, CONNECTION_IDLE_SECONDS);
        const dialect = key === WELL_KNOWN ? "management" : "mcp";
        return refuse({ arrival, route, dialect, error: counted(error), since, principal, rpcId });
      };
      /** What is refused before its message was read counts, too; but whoever ends a session is never told to wait. */
      const counted = (error: unknown): unknown => {
        if (principal === undefined || isCounted || request.method === "DELETE") return error;
        try {
          guard.admitMessages(principal, caller, 1);
          return error;
        } catch (limit) {
          return limit;
        }
      };

      try {
        const server = servers.get(key);
        requirePlainKey(request, key);
        if (key === WELL_KNOWN) throw new ProxyError("not_found");
        guard.admitSource(caller);
        const shown = guard.authenticate(caller);
        principal = shown;
        if (server === undefined) throw new ProxyError("server_not_allowed");
        const answer = handle({
          request,
          server,
          principal: shown,
          client: () => guard.clientAddress(caller),
          fields: guard.answerFields(caller),
          publicPrefix: () => publicPrefix(arrival),
          admit: (messages) => {
            isCounted = true;
            let count = 0;
            for (const { message } of messages) {
              if (message.kind !== "request") continue;
              count++;
              rpcId = messages.length === 1 ? message.rawId : undefined;
            }
            if (count > 0) guard.admitMessages(shown, caller, count);
          },
          admitStart: () => {
            isCounted = true;
            guard.admitStart(shown, caller);
          },
          keepOpen: () => arrival.server?.timeout(request, 0),
        });
        return Promise.resolve(answer).then(({ response, session }) => {
          // The session's first line names the client; asking for its address costs as much as all of the guards.
          if (logs) logRequest(arrival, route, response.status, since, { server: key, session });
          return response;
        }, onError);
      } catch (error) {
        return onError(error);
      }
    },
  };
}

function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 1000) / 1000;
}
