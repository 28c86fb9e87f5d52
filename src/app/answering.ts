import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import type { Fields, Guard } from "../guard/guard.ts";
import type { Server } from "../process/server.ts";
import type { TransportAnswer, TransportRequest } from "../transport/request.ts";
import { type Arrival, callerOf } from "./arrival.ts";
import { CONNECTION_IDLE_SECONDS } from "./keep-alive.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { createRefusing, type Refuse } from "./refusing.ts";
import { createRequestLog } from "./request-log.ts";
import { requirePlainKey } from "./wire-path.ts";

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
  readonly refuse: Refuse;
  /** The path that stands before the proxy's own in URLs that a client is told. */
  readonly publicPrefix: (arrival: Arrival) => string;
}

export function createAnswering(options: AnsweringOptions): Answering {
  const { guard, servers, basePath, prefix, refusals, log } = options;
  const requests = createRequestLog(log);
  const refuse = createRefusing({ guard, refusals, requests, log });

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
        requests.write(arrival, { route, status: response.status, since }, { client: guard.clientAddress(caller) });
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
          if (requests.isOn)
            requests.write(arrival, { route, status: response.status, since }, { server: key, session });
          return response;
        }, onError);
      } catch (error) {
        return onError(error);
      }
    },
  };
}
