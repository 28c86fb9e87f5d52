import {
  Client as SecondClient,
  StreamableHTTPClientTransport as SecondTransport,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

/** What the tests do with an official client, whichever it is. */
export interface OfficialClient extends AsyncDisposable {
  readonly toolNames: () => Promise<readonly string[]>;
  /** Calls a tool and gives the text of its answer. */
  readonly call: (name: string, args?: Readonly<Record<string, unknown>>, how?: HowToCall) => Promise<string>;
  readonly subscribe: (uri: string) => Promise<void>;
  /** The text of a resource. */
  readonly read: (uri: string) => Promise<string>;
  /** Texts of the log messages so far. */
  readonly logged: readonly string[];
  /** Resources that were reported as updated so far. */
  readonly updated: readonly string[];
  /** What went wrong beneath the calls so far, a lost connection for instance. */
  readonly errors: readonly Error[];
  readonly close: () => Promise<void>;
}

export interface HowToCall {
  readonly onProgress?: (progress: number) => void;
  readonly signal?: AbortSignal;
}

/** How to reach an MCP endpoint. */
export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type Connect = (endpoint: Endpoint) => Promise<OfficialClient>;

const INFO = { name: "end-to-end", version: "1.0.0" };
const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
/** What the clients answer to a server that asks. */
export const ANSWERS = { user: "Ada", model: "lovelace", root: "file:///engine" } as const;

const elicited = { action: "accept" as const, content: { name: ANSWERS.user } };
const sampled = {
  model: "test",
  role: "assistant" as const,
  content: { type: "text" as const, text: ANSWERS.model },
};
const rooted = { roots: [{ uri: ANSWERS.root, name: "engine" }] };

/** The client of SDK v1 over any of its transports. */
export async function connectFirst(transport: Transport): Promise<OfficialClient> {
  const client = new Client(INFO, { capabilities: CAPABILITIES });
  const logged: string[] = [];
  const updated: string[] = [];
  const errors: Error[] = [];
  client.onerror = (error) => errors.push(error);
  client.setRequestHandler(ElicitRequestSchema, () => elicited);
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
  client.setRequestHandler(ListRootsRequestSchema, () => rooted);
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => void logged.push(String(params.data)),
  );
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
  await client.connect(transport);
  return {
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, how = {}) =>
      textOf(await client.callTool({ name, arguments: args }, undefined, optionsOf(how))),
    read: async (uri) => contentsOf(await client.readResource({ uri })),
    subscribe: async (uri) => void (await client.subscribeResource({ uri })),
    logged,
    updated,
    errors,
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** The client of SDK v1 over its Streamable HTTP transport. */
export const connectFirstOverHttp: Connect = ({ url, headers }) =>
  connectFirst(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

/** The client of SDK v2 over its Streamable HTTP transport, with this way to find the era. */
export function connectSecondAs(mode: VersionNegotiationMode): Connect {
  return async ({ url, headers }) => {
    const client = new SecondClient(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
    const logged: string[] = [];
    const updated: string[] = [];
    const errors: Error[] = [];
    client.onerror = (error) => errors.push(error);
    client.setRequestHandler("elicitation/create", () => elicited);
    client.setRequestHandler("sampling/createMessage", () => sampled);
    client.setRequestHandler("roots/list", () => rooted);
    client.setNotificationHandler("notifications/message", ({ params }) => void logged.push(String(params.data)));
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updated.push(params.uri));
    await client.connect(new SecondTransport(new URL(url), { requestInit: { headers } }));
    return {
      toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args = {}, how = {}) =>
        textOf(await client.callTool({ name, arguments: args }, optionsOf(how))),
      read: async (uri) => contentsOf(await client.readResource({ uri })),
      subscribe: async (uri) => void (await client.subscribeResource({ uri })),
      logged,
      updated,
      errors,
      close: () => client.close(),
      [Symbol.asyncDispose]: () => client.close(),
    };
  };
}

function optionsOf({ onProgress, signal }: HowToCall) {
  return {
    ...(onProgress === undefined
      ? {}
      : { onprogress: ({ progress }: { readonly progress: number }) => onProgress(progress) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function contentsOf({ contents }: { readonly contents: readonly object[] }): string {
  return contents.map((content) => ("text" in content ? String(content.text) : "")).join("");
}

function textOf(result: unknown): string {
  const { content } = result as { readonly content?: readonly { readonly text?: string }[] };
  return (content ?? []).map(({ text }) => text ?? "").join("");
}
