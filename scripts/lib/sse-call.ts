/**
 * Calls a server through a running proxy as a client does: opens the SSE session with the official client, lists the tools,
 * and prints how many there are. Usage: `MAXIM_SECRET=... bun sse-call.ts http://127.0.0.1:8000/demo/sse`.
 * Exits 1, saying why, when the server does not answer or has no tool.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";

/** An npx server downloads its package first. */
const TIMEOUT_MS = 180_000;

const url = new URL(process.argv[2] ?? "");
const headers = { Authorization: `Bearer ${process.env["MAXIM_SECRET"] ?? ""}` };
const transport = new SSEClientTransport(url, {
  requestInit: { headers },
  eventSourceInit: {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...headers, Accept: "text/event-stream" } }),
  },
});
const client = new Client({ name: "sse-call", version: "1" });
await client.connect(transport, { timeout: TIMEOUT_MS });
const { tools } = await client.listTools({}, { timeout: TIMEOUT_MS });
await client.close();
if (tools.length === 0) throw new Error(`${url.pathname} lists no tools`);
console.log(`${url.pathname}: ${client.getServerVersion()?.name ?? "?"} lists ${tools.length} tools`);
process.exit(0); // whatever the transport still holds must not keep the check waiting
