import type { Server } from "../process/server.ts";

/** One server of `GET /servers`. */
export interface ServerListing {
  readonly name: string;
  readonly transports: readonly ("sse" | "streamable-http" | "stateless")[];
  /** For each transport the path to connect to, encoded and ready to use. */
  readonly urls: Readonly<Record<string, string>>;
  readonly clientVariables: "*" | readonly { readonly name: string; readonly required: boolean }[];
  /** Live sessions, those included whose child is still being stopped. */
  readonly sessions: number;
}

/** The allowlist as a caller may see it: never a command's environment, nor where a program lies. */
export function listServers(
  servers: Iterable<Server>,
  basePath: string,
  sessionsOf: (server: Server) => number,
): readonly ServerListing[] {
  return [...servers].map((server) => ({
    name: server.name,
    transports: ["sse", "streamable-http", "stateless"],
    urls: {
      sse: `${basePath}/${encodeURIComponent(server.name)}/sse`,
      "streamable-http": `${basePath}/${encodeURIComponent(server.name)}/mcp`,
      stateless: `${basePath}/${encodeURIComponent(server.name)}/mcp`,
    },
    clientVariables:
      server.clientEnv === "*" ? "*" : [...server.clientEnv].map(([name, { required }]) => ({ name, required })),
    sessions: sessionsOf(server),
  }));
}
