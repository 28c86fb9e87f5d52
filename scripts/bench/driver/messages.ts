import { ID_PLACEHOLDER } from "./message-ids.ts";
import type { Message } from "./protocol.ts";

function request(method: string, params: object): Message {
  return { body: JSON.stringify({ jsonrpc: "2.0", id: Number(ID_PLACEHOLDER), method, params }) };
}

/** Size of the text in the answer to `BIG`. */
export const BIG_BYTES = 1024 * 1024;

/** The revision that sessions are opened with. */
export const REVISION = "2025-06-18";

export const INITIALIZE = request("initialize", {
  protocolVersion: REVISION,
  capabilities: {},
  clientInfo: { name: "bench", version: "1" },
});

export const INITIALIZED: Message = {
  body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
};

const ECHO = { name: "echo", arguments: { message: "hello" } };

/** The revision without sessions, in which each request says who asks (MCP 2026-07-28, "Base Protocol", `_meta`). */
const STATELESS_REVISION = "2026-07-28";

const STATELESS_META = {
  "io.modelcontextprotocol/protocolVersion": STATELESS_REVISION,
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** What `echo` of server-everything answers to `ECHO`, as JSON.stringify writes it. */
const ECHOED = '"content":[{"type":"text","text":"Echo: hello"}]';

/** The requests that are measured, by name. */
export const CALLS = {
  /** To the fixture, which has a tool of each name. */
  echo: request("tools/call", ECHO),
  big: request("tools/call", { name: "big", arguments: {} }),
  /** To server-everything, as a client of a revision with sessions puts it. */
  everythingEcho: { ...request("tools/call", ECHO), expects: ECHOED },
  /** To server-everything, in a request that stands alone. */
  statelessEcho: {
    ...request("tools/call", { ...ECHO, _meta: STATELESS_META }),
    headers: { "MCP-Protocol-Version": STATELESS_REVISION, "Mcp-Method": "tools/call", "Mcp-Name": "echo" },
    expects: ECHOED,
  },
  /** To a server that has tools. */
  toolsList: { ...request("tools/list", {}), expects: '"tools":[{' },
} as const satisfies Record<string, Message>;

export type CallName = keyof typeof CALLS;
