import { bearer } from "@elysiajs/bearer";
import { Elysia } from "elysia";
import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { readVariables } from "../guard/client-variables.ts";
import type { Caller, Guard } from "../guard/guard.ts";
import { docs } from "../ops/docs.ts";
import { answerHealth } from "../ops/health.ts";
import { healthDetail, openSseDetail, postMessageDetail, serversDetail } from "../ops/openapi/routes.ts";
import { deleteMcpDetail, getMcpDetail, postMcpDetail } from "../ops/openapi/streamable-routes.ts";
import { listServers } from "../ops/servers.ts";
import type { Server } from "../process/server.ts";
import type { Registry } from "../session/registry.ts";
import type { Stateless } from "../stateless/stateless.ts";
import { answerError, type Dialect } from "../transport/answer.ts";
import type { BodyReader } from "../transport/body.ts";
import type { TransportAnswer, TransportRequest } from "../transport/request.ts";
import { createSse } from "../transport/sse/sse.ts";
import { createStatelessTransport } from "../transport/stateless/stateless.ts";
import { createStreamable } from "../transport/streamable/streamable.ts";
import type { JsonScanner } from "../wire/json-scan.ts";

/** What the app is made of: everything is given, so that it has no environment and no globals. */
export interface AppParts {
  readonly version: string;
  /** Public path before all routes, without a slash at its end; empty: none. */
  readonly basePath: string;
  /** The allowlist, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  readonly guard: Guard;
  readonly registry: Registry;
  readonly stateless: Stateless;
  readonly readBody: BodyReader;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/** What of Bun's server a request needs. */
interface Connection {
  readonly requestIP: (request: Request) => { readonly address: string } | null;
  readonly timeout: (request: Request, seconds: number) => void;
}

interface Arrival {
  readonly request: Request;
  readonly server: Connection | null;
}

/** Bun ends a connection that is quiet for so long between requests, or within one; event streams are exempt. */
export const CONNECTION_IDLE_SECONDS = 30;

/** The log's status for a client that left before its answer, as nginx has it. */
const CLIENT_LEFT = 499;

/** Only what extraction of the header's token needs: a token in the query or in the body would end up in logs. */
const NOWHERE = "\0";

/**
 * Composes the HTTP surface: each route with the guards that it has, its handler, and the way it answers errors. It does
 * not listen. Routes stand at the root and, if there is one, under the base path too: a reverse proxy may or may not
 * strip it.
 */
export function createApp(parts: AppParts) {
  const { version, basePath, servers, guard, registry, stateless, readBody, scan, log } = parts;
  const sse = createSse({ registry, readBody, scan, basePath, readVariables });
  const streamable = createStreamable({
    registry,
    readBody,
    scan,
    stateless: createStatelessTransport({ stateless, readVariables }),
    readVariables,
  });

  const logs = log.isLevelEnabled("info");
  /** Whose address a request has, for the instance that does not listen itself. */
  const connections = new WeakMap<Request, Connection>();

  const findServer = (key: string): Server => {
    // The runtime's mark for bytes that are not UTF-8, or a broken percent-encoding: no key holds it.
    if (key.includes("\uFFFD"))
      throw new ProxyError("bad_header", { message: "The server's name is not valid URL-encoded UTF-8." });
    const server = servers.get(key);
    if (server === undefined) throw new ProxyError("server_not_allowed");
    return server;
  };

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

  const refuse = (arrival: Arrival, route: string, dialect: Dialect, error: unknown, since: number) => {
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

  /** A route for everyone who passes the host, origin and rate checks. */
  const openly = async (
    arrival: Arrival,
    route: string,
    answer: (fields: Record<string, string>) => Response | Promise<Response>,
  ) => {
    const since = performance.now();
    try {
      const caller = callerOf(arrival);
      const response = await answer({ ...guard.answerFields(caller), ...guard.admitAnyone(caller) });
      logRequest(arrival, route, response.status, since, { client: guard.clientAddress(caller) });
      return response;
    } catch (error) {
      return refuse(arrival, route, "management", error, since);
    }
  };

  /** A route that carries MCP, for those who present the secret. Not an async function: each costs half a microsecond. */
  const guarded = (
    arrival: Arrival,
    route: string,
    key: string,
    handle: (request: TransportRequest) => TransportAnswer | Promise<TransportAnswer>,
  ): Response | Promise<Response> => {
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
      const fields = rate === undefined ? guard.answerFields(caller) : { ...guard.answerFields(caller), ...rate };
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
  };

  /**
   * `GET /servers`, on an instance of its own: what the bearer plugin asks of a request, a parsed query and a copy of all
   * headers, Elysia prepares for every route of the app that uses it, at a tenth of what a message costs (1.4.30).
   */
  const serversRoute = new Elysia({ name: "servers" })
    .use(bearer({ extract: { header: "Bearer", query: NOWHERE, body: NOWHERE } }))
    .get("/*", ({ request, bearer: token }) => {
      const arrival = { request, server: connections.get(request) ?? null };
      return openly(arrival, "/servers", (fields) => {
        guard.authenticate(callerOf(arrival), token);
        return Response.json({ servers: listServers(servers.values(), basePath, registry.count) }, { headers: fields });
      });
    });

  const management = (prefix: string) =>
    new Elysia({ name: `management${prefix}`, prefix })
      .get(
        "/health",
        ({ request, server }) => answerHealth(registry.isDraining(), guard.answerFields(callerOf({ request, server }))),
        { detail: healthDetail },
      )
      .get(
        "/servers",
        ({ request, server }) => {
          if (server !== null) connections.set(request, server);
          return serversRoute.handle(request);
        },
        { detail: serversDetail },
      );

  /** The routes that carry MCP read the token from the header themselves. */
  const mcp = (prefix: string) =>
    new Elysia({ name: `mcp${prefix}`, prefix })
      .get(
        "/:server/sse",
        ({ request, server, params }) => guarded({ request, server }, "/:server/sse", params.server, sse.open),
        { detail: openSseDetail },
      )
      // The runtime would let the route above answer HEAD too, and nobody would read the stream.
      .head("/:server/sse", (arrival) =>
        refuse(arrival, "/:server/sse", "mcp", wrongMethod("HEAD", "GET"), performance.now()),
      )
      .post(
        "/:server/message",
        ({ request, server, params }) => guarded({ request, server }, "/:server/message", params.server, sse.message),
        { parse: "none", detail: postMessageDetail },
      )
      .post(
        "/:server/mcp",
        ({ request, server, params }) => guarded({ request, server }, "/:server/mcp", params.server, streamable.post),
        { parse: "none", detail: postMcpDetail },
      )
      .get(
        "/:server/mcp",
        ({ request, server, params }) => guarded({ request, server }, "/:server/mcp", params.server, streamable.get),
        { detail: getMcpDetail },
      )
      .delete(
        "/:server/mcp",
        ({ request, server, params }) => guarded({ request, server }, "/:server/mcp", params.server, streamable.delete),
        { parse: "none", detail: deleteMcpDetail },
      )
      .head("/:server/mcp", (arrival) =>
        refuse(arrival, "/:server/mcp", "mcp", wrongMethod("HEAD", "GET, POST, DELETE"), performance.now()),
      );

  /** The documentation is for everyone too, and sets a Content-Security-Policy of its own. */
  const documentation = (prefix: string) =>
    new Elysia({ name: `documentation${prefix}`, prefix })
      .onBeforeHandle(({ request, server, set }) => {
        const caller = callerOf({ request, server });
        Object.assign(set.headers, guard.answerFields(caller), guard.admitAnyone(caller));
      })
      .use(docs({ version, basePath }));

  const app = new Elysia({ name: "mcp-sse-proxy", strictPath: true })
    .use(mcp(""))
    .use(basePath === "" ? new Elysia() : mcp(basePath))
    .use(management(""))
    .use(documentation(""))
    .options("/*", ({ request, server }) => answerOptions({ request, server }), { detail: { hide: true } })
    .onError(({ request, server, error, code }) => {
      const arrival = { request, server };
      const known = code === "NOT_FOUND" ? unroutable(request) : error;
      return refuse(arrival, "none", "management", known, performance.now());
    });

  const answerOptions = ({ request, server }: Arrival): Response => {
    const caller = callerOf({ request, server });
    const preflight = guard.preflight(caller);
    if (preflight !== undefined) return new Response(null, { status: 204, headers: preflight });
    const isCross = caller.headers.has("origin") && caller.headers.has("access-control-request-method");
    return isCross
      ? refuse({ request, server }, "OPTIONS", "management", new ProxyError("origin_refused"), performance.now())
      : new Response(null, { status: 204, headers: { ...guard.answerFields(caller), allow: "GET, POST, OPTIONS" } });
  };

  return basePath === "" ? app : app.use(management(basePath)).use(documentation(basePath));
}

function callerOf({ request, server }: Arrival): Caller {
  return { headers: request.headers, peer: () => server?.requestIP(request)?.address ?? "" };
}

const METHODS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\/mcp$/, ["GET", "POST", "DELETE"]],
  [/\/message$/, ["POST"]],
  [/\/(?:sse|health|servers|swagger|json)$/, ["GET"]],
];

/** 405 where another method would have found a route, else 404. It decides about nothing but the wording of a refusal. */
function unroutable({ method, url }: Request): ProxyError {
  const path = url.replace(/^[a-z]+:\/\/[^/]*/i, "").replace(/\?.*$/s, "");
  const [, methods] = METHODS.find(([pattern]) => pattern.test(path)) ?? [];
  const allow = methods?.includes(method) === true ? undefined : methods?.join(", ");
  if (allow === undefined) return new ProxyError("not_found");
  return wrongMethod(method, allow);
}

function wrongMethod(method: string, allow: string): ProxyError {
  return new ProxyError("method_not_allowed", {
    message: `This URL takes ${allow}, not ${method}.`,
    fields: { allow: `${allow}, OPTIONS` },
  });
}

function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 1000) / 1000;
}
