import type { ClientVariablePolicy } from "../../process/server.ts";
import { optionalVariables } from "./client-env.ts";

/** A server that is allowed without a configuration file. */
export interface BuiltinCommand {
  /** The exact command line, which is the name in the URL, too. */
  readonly line: string;
  readonly clientEnv: ClientVariablePolicy;
}

/** Name of the server inside the proxy's own binary. */
export const DEMO = "demo";

/** The allowlist of the proxy that this one succeeds, with the credentials that each of these servers documents. */
export const BUILTIN_COMMANDS: readonly BuiltinCommand[] = [
  { line: "npx -y @upstash/context7-mcp@latest", clientEnv: optionalVariables(["CONTEXT7_API_KEY"]) },
  { line: "npx -y @maximai/mcp-server@latest", clientEnv: optionalVariables(["MAXIM_API_KEY"]) },
  {
    line: "npx -y @notionhq/notion-mcp-server",
    clientEnv: optionalVariables(["NOTION_TOKEN", "OPENAPI_MCP_HEADERS"]),
  },
  {
    line: "docker run -i --rm -e GITHUB_PERSONAL_ACCESS_TOKEN ghcr.io/github/github-mcp-server",
    clientEnv: optionalVariables(["GITHUB_PERSONAL_ACCESS_TOKEN"]),
  },
  { line: "npx -y exa-mcp-server", clientEnv: optionalVariables(["EXA_API_KEY"]) },
  { line: "npx -y @cocal/google-calendar-mcp", clientEnv: optionalVariables(["GOOGLE_OAUTH_CREDENTIALS"]) },
];
