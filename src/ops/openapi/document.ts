import type { ElysiaSwaggerConfig } from "@elysiajs/swagger";
import { BEARER_SCHEME } from "./routes.ts";
import { SCHEMAS } from "./schemas.ts";

export interface OpenApiOptions {
  /** Version of the proxy. */
  readonly version: string;
  /** Public path under which the proxy is reached, without a slash at its end; empty: the root. */
  readonly basePath: string;
}

/** What the OpenAPI document says besides the routes, which @elysiajs/swagger reads from the app. */
export function openApi({ version, basePath }: OpenApiOptions): NonNullable<ElysiaSwaggerConfig["documentation"]> {
  return {
    info: {
      title: "mcp-sse-proxy",
      version,
      description:
        "Runs allowlisted stdio MCP servers and serves them over HTTP. Press **Authorize** and enter the bearer secret " +
        "(`MAXIM_SECRET`) to try the routes that need it.",
      license: { name: "MIT" },
    },
    // Relative, so that the page works behind any host name (OpenAPI 3.0.3, Server Object).
    servers: [{ url: basePath === "" ? "/" : basePath }],
    tags: [
      { name: "MCP", description: "The routes that MCP clients use." },
      { name: "Operations", description: "The routes for whoever runs the proxy." },
    ],
    components: {
      securitySchemes: {
        [BEARER_SCHEME]: { type: "http", scheme: "bearer", description: "The secret that the proxy was started with." },
      },
      schemas: SCHEMAS,
    },
  };
}
