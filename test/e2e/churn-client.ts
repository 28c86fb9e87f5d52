/** A client in a process of its own, to be killed: opens a session, calls a tool that takes long, and says so. Arguments: URL, secret. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";

const headers = { Authorization: `Bearer ${process.argv[3]}` };
const client = new Client({ name: "to-be-killed", version: "1.0.0" });
await client.connect(
  new SSEClientTransport(new URL(String(process.argv[2])), {
    eventSourceInit: { fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers } }) },
    requestInit: { headers },
  }),
);
console.log("connected");
await client.callTool({ name: "hold", arguments: {} });
