import {
  type CallToolResult,
  type McpServer,
  type ProtocolEra,
  ResourceNotFoundError,
} from "@modelcontextprotocol/server";
import { z } from "zod";

const ABOUT_URI = "demo://about";
const CALLS_URI = "demo://calls";

const ABOUT = `# The demo server of mcp-sse-proxy

This MCP server is part of the proxy's executable. Call \`echo\` to see that a connection works, \`slow\` to see progress,
and \`env\` to see which of your \`ENV_\` headers arrived. Subscribe to \`${CALLS_URI}\` to be told of each tool call.
`;

/** Runs a tool call and counts it in the resource `demo://calls`; passes on its result or failure. */
export type CountCall = (call: () => Promise<CallToolResult>) => Promise<CallToolResult>;

/** Registers the demo's resources and prompt. The function that it returns is what changes the resource `demo://calls`. */
export function registerContent(server: McpServer, era: ProtocolEra): CountCall {
  const calls = { answered: 0, running: 0 };
  // In the modern era the SDK keeps the subscriptions (subscriptions/listen) and drops updates that nobody asked for.
  let subscribed = era === "modern";

  server.registerResource(
    "about",
    ABOUT_URI,
    { title: "About this server", description: "What can be tried here", mimeType: "text/markdown" },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: "text/markdown", text: ABOUT }] }),
  );

  server.registerResource(
    "calls",
    CALLS_URI,
    {
      title: "Tool calls",
      description: "How many tool calls this process has answered and is running; can be subscribed to",
      mimeType: "application/json",
    },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify(calls) }] }),
  );

  if (era === "legacy") {
    server.server.setRequestHandler("resources/subscribe", ({ params }) => {
      if (params.uri !== CALLS_URI && params.uri !== ABOUT_URI) throw new ResourceNotFoundError(params.uri);
      subscribed ||= params.uri === CALLS_URI;
      return {};
    });
    server.server.setRequestHandler("resources/unsubscribe", ({ params }) => {
      subscribed &&= params.uri !== CALLS_URI;
      return {};
    });
  }

  server.registerPrompt(
    "greeting",
    {
      title: "Greeting",
      description: "Asks the model to greet somebody by name",
      argsSchema: z.object({ name: z.string().describe("Whom to greet") }),
    },
    ({ name }) => ({
      description: `A greeting for ${name}`,
      messages: [{ role: "user", content: { type: "text", text: `Greet ${name} in one friendly sentence.` } }],
    }),
  );

  return async (call) => {
    calls.running++;
    const result = await call().finally(() => calls.running--);
    calls.answered++;
    if (subscribed) await server.server.sendResourceUpdated({ uri: CALLS_URI });
    return result;
  };
}
