import { Elysia } from "elysia";
import { openSseDetail, postMessageDetail } from "../ops/openapi/routes.ts";
import { deleteMcpDetail, getMcpDetail, postMcpDetail } from "../ops/openapi/streamable-routes.ts";
import type { SseTransport } from "../transport/sse/sse.ts";
import type { StreamableTransport } from "../transport/streamable/streamable.ts";
import type { Answering } from "./answering.ts";
import type { Arrival } from "./arrival.ts";
import type { Unroutable } from "./unroutable.ts";

export interface McpRoutesOptions {
  /** Public path before the routes, without a slash at its end; empty: none. */
  readonly prefix: string;
  readonly answering: Answering;
  readonly unroutable: Unroutable;
  readonly sse: SseTransport;
  readonly streamable: StreamableTransport;
}

/** The routes that carry MCP, for those who present the secret. They read the token from the header themselves. */
export function mcpRoutes({ prefix, answering, unroutable, sse, streamable }: McpRoutesOptions) {
  const { guarded } = answering;
  /** The runtime lets a route for GET answer HEAD too, and nobody would read the stream (bun 1.4.5). */
  const refuseHead = (arrival: Arrival, route: string) =>
    answering.refuse({
      arrival,
      route,
      dialect: "mcp",
      error: unroutable.errorOf(arrival.request),
      since: performance.now(),
    });

  return new Elysia({ name: `mcp${prefix}`, prefix })
    .get(
      "/:server/sse",
      ({ request, server, params }) => guarded({ request, server }, "/:server/sse", params.server, sse.open),
      { detail: openSseDetail },
    )
    .head("/:server/sse", ({ request, server }) => refuseHead({ request, server }, "/:server/sse"))
    .post(
      "/:server/message",
      ({ request, server, params }) => guarded({ request, server }, "/:server/message", params.server, sse.message),
      { parse: "none", detail: postMessageDetail },
    )
    .get(
      "/:server/mcp",
      ({ request, server, params }) => guarded({ request, server }, "/:server/mcp", params.server, streamable.get),
      { detail: getMcpDetail },
    )
    .head("/:server/mcp", ({ request, server }) => refuseHead({ request, server }, "/:server/mcp"))
    .post(
      "/:server/mcp",
      ({ request, server, params }) => guarded({ request, server }, "/:server/mcp", params.server, streamable.post),
      { parse: "none", detail: postMcpDetail },
    )
    .delete(
      "/:server/mcp",
      ({ request, server, params }) => guarded({ request, server }, "/:server/mcp", params.server, streamable.delete),
      { parse: "none", detail: deleteMcpDetail },
    );
}
