import { Client as ModernClient, SSEClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import type { ClientCapabilities } from "@modelcontextprotocol/sdk/types.js";
import type { TestProxy } from "../support/proxy.ts";

type Headers = Readonly<Record<string, string>>;

/** The v1 client's transport, built the way the predecessor's README shows it: only URL and secret are other ones. */
export function firstTransport(proxy: TestProxy, command: string, variables: Headers = {}): SSEClientTransport {
  const headers = { Authorization: `Bearer ${proxy.secret}`, ...variables };
  return new SSEClientTransport(new URL(`${proxy.url}/${encodeURIComponent(command)}/sse`), {
    eventSourceInit: {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers } }),
    },
    requestInit: { headers },
  });
}

/** A connected client of the official SDK v1. */
export async function connectFirst(
  proxy: TestProxy,
  command: string,
  variables: Headers = {},
  capabilities: ClientCapabilities = {},
): Promise<Client> {
  const client = new Client({ name: "end-to-end", version: "1.0.0" }, { capabilities });
  await client.connect(firstTransport(proxy, command, variables));
  return client;
}

/** A connected client of the official SDK v2, over its own HTTP+SSE transport. */
export async function connectSecond(proxy: TestProxy, command: string, variables: Headers = {}): Promise<ModernClient> {
  const headers = { Authorization: `Bearer ${proxy.secret}`, ...variables };
  const client = new ModernClient({ name: "end-to-end", version: "2.0.0" });
  await client.connect(
    new ModernTransport(new URL(`${proxy.url}/${encodeURIComponent(command)}/sse`), { requestInit: { headers } }),
  );
  return client;
}

/** The text of a tool's answer. */
export function textOf(result: unknown): string {
  const { content } = result as { readonly content?: readonly { readonly type: string; readonly text?: string }[] };
  return (content ?? []).map(({ text }) => text ?? "").join("");
}
