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

/** The messages that the load is made of, by the name of the tool that the fixture answers. */
export const CALLS = {
  echo: request("tools/call", { name: "echo", arguments: { message: "hello" } }),
  big: request("tools/call", { name: "big", arguments: {} }),
} as const;

export type CallName = keyof typeof CALLS;
