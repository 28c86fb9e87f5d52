import { bearer } from "@elysiajs/bearer";
import { Elysia } from "elysia";
import type { Guard } from "../guard/guard.ts";
import { docs } from "../ops/docs.ts";
import { answerHealth } from "../ops/health.ts";
import { healthDetail, serversDetail } from "../ops/openapi/routes.ts";
import { listServers } from "../ops/servers.ts";
import type { Server } from "../process/server.ts";
import type { Registry } from "../session/registry.ts";
import type { Answering } from "./answering.ts";
import { type Connection, callerOf } from "./arrival.ts";

export interface ManagementRoutesOptions {
  readonly version: string;
  /** Public path before all routes, without a slash at its end; empty: none. It stands in the URLs that are shown. */
  readonly basePath: string;
  /** The allowlist, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  readonly guard: Guard;
  readonly registry: Registry;
  /** The path that these routes stand under: "" or the base path. */
  readonly prefix: string;
  readonly answering: Answering;
}

/** Only what extraction of the header's token needs: a token in the query or in the body would end up in logs. */
const NOWHERE = "\0";

/** The routes for whoever runs the proxy, and the documentation. */
export function managementRoutes(options: ManagementRoutesOptions) {
  const { version, basePath, servers, guard, registry, prefix, answering } = options;
  /** Whose address a request has, for the instance that does not listen itself. */
  const connections = new WeakMap<Request, Connection>();

  /**
   * `GET /servers`, on an instance of its own: what the bearer plugin asks of a request, a parsed query and a copy of all
   * headers, Elysia prepares for every route of the app that uses it, at a tenth of what a message costs (1.4.30).
   */
  const serversRoute = new Elysia({ name: "servers" })
    .use(bearer({ extract: { header: "Bearer", query: NOWHERE, body: NOWHERE } }))
    .get("/*", ({ request, bearer: token }) => {
      const arrival = { request, server: connections.get(request) ?? null };
      return answering.authorized(arrival, "/servers", token, (fields) => {
        const list = listServers(servers.values(), answering.publicPrefix(arrival), registry.count);
        return Response.json({ servers: list }, { headers: fields });
      });
    });

  const management = new Elysia({ name: `management${prefix}`, prefix })
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

  /** The documentation is for everyone too, and sets a Content-Security-Policy of its own. */
  const documentation = new Elysia({ name: `documentation${prefix}`, prefix })
    .onBeforeHandle(({ request, server, set }) => {
      const caller = callerOf({ request, server });
      guard.admitAnyone(caller);
      Object.assign(set.headers, guard.answerFields(caller));
    })
    .use(docs({ version, basePath }));

  return new Elysia().use(management).use(documentation);
}
