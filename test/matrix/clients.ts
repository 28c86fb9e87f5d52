import {
  Client as SecondClient,
  StreamableHTTPClientTransport as SecondTransport,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { WAIT_MS } from "../support/limits.ts";
import {
  CAPABILITIES,
  commonParts,
  createNotebook,
  type HowToCall,
  INFO,
  listenIn,
  type MatrixClient,
  type Route,
  textOf,
} from "./client.ts";
import type { ClientId } from "./table.ts";

/** How each client connects. The route is that of the transport that it takes: `/sse` or `/mcp`. */
export const CONNECT: Readonly<Record<ClientId, (route: Route) => Promise<MatrixClient>>> = {
  "v1-sse": (route) => connectFirst(route, sseTransport(route)),
  "v1-http": (route) =>
    connectFirst(
      route,
      new StreamableHTTPClientTransport(new URL(route.url), { requestInit: { headers: route.headers } }),
    ),
  "v2-auto": (route) => connectSecond(route, "auto"),
  "v2-modern": (route) => connectSecond(route, { pin: "2026-07-28" }),
  "v2-legacy": (route) => connectSecond(route, "legacy"),
};

function sseTransport({ url, headers }: Route): SSEClientTransport {
  return new SSEClientTransport(new URL(url), {
    eventSourceInit: { fetch: (to, init) => fetch(to, { ...init, headers: { ...init?.headers, ...headers } }) },
    requestInit: { headers },
  });
}

async function connectFirst({ root }: Route, transport: Transport): Promise<MatrixClient> {
  const client = new Client(INFO, { capabilities: root === undefined ? {} : CAPABILITIES });
  const notebook = createNotebook(root);
  if (root !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, notebook.elicit);
    client.setRequestHandler(CreateMessageRequestSchema, notebook.sample);
    client.setRequestHandler(ListRootsRequestSchema, notebook.roots);
  }
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    notebook.logged.push(String(params.data));
  });
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    notebook.updated.push(params.uri);
  });
  await client.connect(transport);
  listenIn(transport, notebook);
  return {
    ...commonParts(client, notebook),
    era: "legacy",
    call: async (name, args, how = {}) => {
      if (how.isLogged === true) await client.setLoggingLevel("debug");
      return textOf(await client.callTool({ name, arguments: { ...args } }, undefined, optionsOf(how)));
    },
    subscribe: async (uri) => {
      await client.subscribeResource({ uri });
      return { end: async () => void (await client.unsubscribeResource({ uri })) };
    },
    close: () => client.close(),
  };
}

async function connectSecond({ url, headers, root }: Route, mode: VersionNegotiationMode): Promise<MatrixClient> {
  const capabilities = root === undefined ? {} : CAPABILITIES;
  const client = new SecondClient(INFO, { capabilities, versionNegotiation: { mode } });
  const notebook = createNotebook(root);
  if (root !== undefined) {
    client.setRequestHandler("elicitation/create", notebook.elicit);
    client.setRequestHandler("sampling/createMessage", notebook.sample);
    client.setRequestHandler("roots/list", notebook.roots);
  }
  client.setNotificationHandler(
    "notifications/message",
    ({ params }) => void notebook.logged.push(String(params.data)),
  );
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    notebook.updated.push(params.uri);
  });
  const transport = new SecondTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  listenIn(transport, notebook);
  const era = client.getProtocolEra();
  return {
    ...commonParts(client, notebook),
    era,
    call: async (name, args, how = {}) => {
      const isLogged = how.isLogged === true;
      if (isLogged && era === "legacy") await client.setLoggingLevel("debug");
      // A modern client says it in each request whose log messages it wants (server/utilities/logging).
      const _meta = isLogged && era === "modern" ? { "io.modelcontextprotocol/logLevel": "debug" as const } : {};
      return textOf(await client.callTool({ name, arguments: { ...args }, _meta }, optionsOf(how)));
    },
    subscribe: async (uri) => {
      if (era === "legacy") {
        await client.subscribeResource({ uri });
        return { end: async () => void (await client.unsubscribeResource({ uri })) };
      }
      const { honoredFilter, close } = await client.listen({ resourceSubscriptions: [uri] });
      if (honoredFilter.resourceSubscriptions?.includes(uri) !== true) throw new Error(`${uri} was not subscribed to`);
      return { end: close };
    },
    close: () => client.close(),
  };
}

function optionsOf({ onProgress, signal }: HowToCall) {
  return {
    timeout: WAIT_MS,
    ...(onProgress === undefined
      ? {}
      : { onprogress: ({ progress }: { readonly progress: number }) => onProgress(progress) }),
    ...(signal === undefined ? {} : { signal }),
  };
}
