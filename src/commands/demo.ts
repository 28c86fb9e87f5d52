import { McpServer, type McpServerFactory } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { VERSION } from "../version.ts";
import { registerContent } from "./demo/content.ts";
import { registerTools } from "./demo/tools.ts";

/**
 * The server of the `demo` command: an MCP server on stdin and stdout that needs neither network nor installation, to try
 * the proxy with and to test it against. It speaks both eras, whichever the client opens with.
 *
 * Settles when stdin ends, which is how a client ends a stdio server (MCP 2025-11-25, basic/lifecycle, Shutdown). stdout carries
 * MCP messages alone; what goes wrong with the connection is told on stderr.
 */
export function runDemo(): Promise<void> {
  return new Promise((resolve) => {
    const transport = new StdioServerTransport();
    serveStdio(demoServer, { transport, onerror: (error) => console.error(`demo: ${error.message}`) });
    // serveStdio has no notice of its own for the end of the connection, so its close handler is followed by ours.
    const closeConnection = transport.onclose;
    transport.onclose = () => {
      closeConnection?.();
      resolve();
    };
  });
}

const demoServer: McpServerFactory = ({ era }) => {
  const server = new McpServer(
    { name: "mcp-sse-proxy-demo", title: "Demo server of mcp-sse-proxy", version: VERSION },
    {
      capabilities: { logging: {}, resources: { subscribe: true } },
      instructions: "Tools to try a connection with: echo, add, slow (progress, log messages, cancellation) and env.",
    },
  );
  registerTools(server, registerContent(server, era));
  return server;
};
