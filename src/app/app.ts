import { Elysia } from "elysia";
import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { readVariables } from "../guard/client-variables.ts";
import type { Guard } from "../guard/guard.ts";
import type { Server } from "../process/server.ts";
import type { Registry } from "../session/registry.ts";
import type { Stateless } from "../stateless/stateless.ts";
import type { BodyReader } from "../transport/body.ts";
import { createSse } from "../transport/sse/sse.ts";
import { createStatelessTransport } from "../transport/stateless/stateless.ts";
import { createStreamable } from "../transport/streamable/streamable.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createAnswering } from "./answering.ts";
import { type Arrival, callerOf } from "./arrival.ts";
import { managementRoutes } from "./management-routes.ts";
import { mcpRoutes } from "./mcp-routes.ts";
import { createRefusalLog } from "./refusal-log.ts";
import { createUnroutable, type Route } from "./unroutable.ts";
import { wireRoutes } from "./wire-path.ts";

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

/**
 * Composes the HTTP surface: each route with the guards that it has, its handler, and the way it answers errors. It does
 * not listen. Routes stand at the root and, if there is one, under the base path too: a reverse proxy may or may not
 * strip it.
 */
export function createApp(parts: AppParts) {
  const { version, basePath, servers, guard, registry, stateless, readBody, scan, log } = parts;
  const refusals = createRefusalLog({ log });
  const sse = createSse({ registry, readBody, scan, readVariables });
  const streamable = createStreamable({
    registry,
    readBody,
    scan,
    stateless: createStatelessTransport({ stateless, readVariables }),
    readVariables,
  });
  const unroutable = createUnroutable((): readonly Route[] => app.routes);
  const answeringUnder = (prefix: string) => createAnswering({ guard, servers, basePath, prefix, refusals, log });
  const routesUnder = (prefix: string) => {
    const answering = answeringUnder(prefix);
    return new Elysia()
      .use(mcpRoutes({ prefix, answering, unroutable, sse, streamable }))
      .use(managementRoutes({ version, basePath, servers, guard, registry, prefix, answering }));
  };

  const { refuse } = answeringUnder("");
  const refuseElsewhere = (arrival: Arrival, error: unknown) =>
    refuse({ arrival, route: "none", dialect: unroutable.dialectOf(arrival.request), error, since: performance.now() });

  const answerOptions = (arrival: Arrival) => {
    const caller = callerOf(arrival);
    const preflight = guard.preflight(caller);
    if (preflight !== undefined) return new Response(null, { status: 204, headers: preflight });
    const isCross = caller.headers.has("origin") && caller.headers.has("access-control-request-method");
    if (isCross) {
      const error = new ProxyError("origin_refused");
      return refuse({ arrival, route: "OPTIONS", dialect: "management", error, since: performance.now() });
    }
    const allow = unroutable.allowOf(arrival.request);
    return new Response(null, { status: 204, headers: { ...guard.answerFields(caller), allow } });
  };

  const routes = wireRoutes({
    baseSegments: basePath.split("/").length - 1,
    isKnown: unroutable.isKnown,
    pass: (request) => app.fetch(request),
    refuse: (request, server, error) => refuseElsewhere({ request, server }, error),
  });
  const app = new Elysia({ name: "mcp-sse-proxy", serve: { routes } })
    .use(routesUnder(""))
    .options("/*", ({ request, server }) => answerOptions({ request, server }), { detail: { hide: true } })
    .onError(({ request, server, error, code }) =>
      refuseElsewhere({ request, server }, code === "NOT_FOUND" ? unroutable.errorOf(request) : error),
    )
    .onStop(refusals.close);

  return basePath === "" ? app : app.use(routesUnder(basePath));
}
