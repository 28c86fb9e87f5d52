import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Fields, Guard } from "../guard/guard.ts";
import type { Server } from "../process/server.ts";
import { answerError, type Dialect } from "../transport/answer.ts";
import type { TransportAnswer, TransportRequest } from "../transport/request.ts";
import { type Arrival, callerOf } from "./arrival.ts";

/** Bun ends a connection that is quiet for so long between requests, or within one; event streams are exempt. */
export const CONNECTION_IDLE_SECONDS = 30;

/** The log's status for a client that left before its answer, as nginx has it. */
const CLIENT_LEFT = 499;

export interface AnsweringOptions {
  readonly guard: Guard;
  /** The allowlist, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  readonly log: Logger;
}

/** How routes answer: with their guards before them, in their dialect, and with a line of the log. */
export interface Answering {
  /** A route for everyone who passes the host, origin and rate checks; `answer` is given the fields that its answer must have. */
  readonly openly: (
    arrival: Arrival,
    route: string,
    answer: (fields: Record<string, string>) => Response | Promise<Response>,
  ) => Promise<Response>;
  /** A route that carries MCP, for those who present the secret. `key` names the server, decoded. */
  readonly guarded: (
    arrival: Arrival,
    route: string,
    key: string,
    handle: (request: TransportRequest) => TransportAnswer | Promise<TransportAnswer>,
  ) => Response | Promise<Response>;
  /** Answers a request with an error. */
  readonly refuse: (arrival: Arrival, route: string, dialect: Dialect, error: unknown, since: number) => Response;
}

export function createAnswering({ guard, servers, log }: AnsweringOptions): Answering {
  const logs = log.isLevelEnabled("info");

  /** One line a request. What a client sent is named only as far as it is no credential: never a query, never a header. */
  const logRequest = (
    arrival: Arrival,
    route: string,
    status: number,
    since: number,
    more: Readonly<Record<string, unknown>>,
  ) => {
    if (!logs) return;
    log.info({ method: arrival.request.method, route, status, ms: elapsed(since), ...more }, "request");
  };

  const refuse: Answering["refuse"] = (arrival, route, dialect, error, since) => {
    const { response, code, failureId } = answerError(error, dialect, guard.answerFields(callerOf(arrival)));
    if (!(error instanceof ProxyError) && arrival.request.signal.aborted) {
      logRequest(arrival, route, CLIENT_LEFT, since, {});
      return response;
    }
    if (failureId !== undefined) log.error({ err: error, failureId, route }, "request failed");
    const client = guard.clientAddress(callerOf(arrival));
    logRequest(arrival, route, response.status, since, {
      client,
      code,
      ...(failureId === undefined ? {} : { failureId }),
    });
    return response;
  };

  const findServer = (key: string): Server => {
    // The runtime's mark for bytes that are not UTF-8, or a broken percent-encoding: no key holds it.
    if (key.includes("\uFFFD"))
      throw new ProxyError("bad_header", { message: "The server's name is not valid URL-encoded UTF-8." });
    const server = servers.get(key);
    if (server === undefined) throw new ProxyError("server_not_allowed");
    return server;
  };

  return {
    refuse,

    openly: async (arrival, route, answer) => {
      const since = performance.now();
      try {
        const caller = callerOf(arrival);
        const response = await answer({ ...guard.answerFields(caller), ...guard.admitAnyone(caller) });
        logRequest(arrival, route, response.status, since, { client: guard.clientAddress(caller) });
        return response;
      } catch (error) {
        return refuse(arrival, route, "management", error, since);
      }
    },

    // Not an async function: each costs half a microsecond.
    guarded: (arrival, route, key, handle) => {
      const since = performance.now();
      const onError = (error: unknown) => {
        // The handler may have lifted it, and a connection whose request was refused may not stay for ever.
        arrival.server?.timeout(arrival.request, CONNECTION_IDLE_SECONDS);
        return refuse(arrival, route, "mcp", error, since);
      };
      try {
        const caller = callerOf(arrival);
        const rate = guard.admitAnyone(caller);
        const principal = guard.authenticate(caller);
        const fields: Fields =
          rate === undefined ? guard.answerFields(caller) : { ...guard.answerFields(caller), ...rate };
        const server = findServer(key);
        const client = () => guard.clientAddress(caller);
        const { request } = arrival;
        const keepOpen = () => arrival.server?.timeout(request, 0);
        const answer = handle({ request, server, principal, client, fields, keepOpen });
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
