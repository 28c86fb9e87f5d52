import type { DocumentDecoration } from "elysia";
import { errorResponses } from "./errors.ts";

/** Name of the bearer scheme in `components.securitySchemes` of the OpenAPI document. */
export const BEARER_SCHEME = "bearer";

export const GUARDED = [{ [BEARER_SCHEME]: [] }];

/** `GET /health`. */
export const healthDetail: DocumentDecoration = {
  tags: ["Operations"],
  summary: "Whether the proxy is up",
  description:
    "For load balancers and container health checks. Needs no token, is not rate limited and starts nothing.",
  operationId: "health",
  security: [],
  responses: {
    "200": healthResponse("The proxy takes sessions.", "ok"),
    "503": healthResponse(
      "The proxy is shutting down: sessions that are open may finish, new ones are refused.",
      "draining",
    ),
  },
};

/** `GET /servers`. */
export const serversDetail: DocumentDecoration = {
  tags: ["Operations"],
  summary: "The servers that this caller may use",
  description: "The allowlist: what to put into the path, and which variables each server takes.",
  operationId: "servers",
  security: GUARDED,
  responses: {
    "200": {
      description: "The allowlist.",
      content: {
        "application/json": {
          schema: { $ref: "#/components/schemas/ServerList" },
          example: {
            servers: [
              {
                name: "demo",
                transports: ["sse", "streamable-http", "stateless"],
                urls: { sse: "/demo/sse", "streamable-http": "/demo/mcp", stateless: "/demo/mcp" },
                clientVariables: "*",
                sessions: 0,
              },
            ],
          },
        },
      },
    },
    ...errorResponses("management", [
      "bad_header",
      "bad_path",
      "unauthorized",
      "origin_refused",
      "host_refused",
      "rate_limited",
      "internal_error",
    ]),
  },
};

function healthResponse(description: string, status: "ok" | "draining") {
  return {
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Health" }, example: { status } } },
  };
}

export type Parameter = Extract<NonNullable<DocumentDecoration["parameters"]>[number], { in: string }>;

export const serverParameter: Parameter = {
  name: "server",
  in: "path",
  required: true,
  description: "Key of the server, URL-encoded: a configured name, or an exact allowlisted command line.",
  schema: { type: "string" },
  examples: {
    name: { summary: "A configured name", value: "demo" },
    command: { summary: "An exact command line", value: "npx -y @upstash/context7-mcp@latest" },
  },
};

export const clientVariableParameter: Parameter = {
  name: "ENV_GITHUB_PERSONAL_ACCESS_TOKEN",
  in: "header",
  description:
    "An example of a client variable: the header `ENV_NAME: value` sets `NAME` in the environment of the server's process, for this " +
    "session alone. Which names a server takes is listed by `GET /servers`; any other name is refused. `Env-Name-Part` is the " +
    "spelling for hops that drop header names with underscores.",
  schema: { type: "string" },
};

/** What an EventSource sends when it comes back. */
export const lastEventHeader = {
  name: "Last-Event-ID",
  in: "header" as const,
  description: "The last event that was seen.",
  schema: { type: "string" as const },
};

/** `GET /:server/sse`. */
export const openSseDetail: DocumentDecoration = {
  tags: ["MCP"],
  summary: "Open a session",
  description:
    "Starts a process of the server and streams what it writes, until the client goes away or the session ends. The first event, " +
    "`endpoint`, holds the path to send messages to; each `message` event after it is one JSON-RPC message from the server. Lines that " +
    "begin with a colon are heartbeats. With `Last-Event-ID` a client whose connection was cut goes on with its session. What goes wrong after the stream has begun arrives as a JSON-RPC error in a `message` event.\n\n" +
    "This page shows nothing before a stream ends: copy the curl command and run it with `-N`, or use an MCP client.",
  operationId: "openSession",
  security: GUARDED,
  parameters: [serverParameter, lastEventHeader, clientVariableParameter],
  responses: {
    "200": {
      description: "The event stream (HTTP+SSE transport of MCP 2024-11-05).",
      content: {
        "text/event-stream": {
          schema: { type: "string" },
          example:
            "event: endpoint\ndata: /demo/message?sessionId=0198c0de-example\n\n" +
            'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
        },
      },
    },
    ...errorResponses("mcp", [
      "bad_header",
      "bad_path",
      "client_variable_refused",
      "client_variable_missing",
      "unauthorized",
      "server_not_allowed",
      "origin_refused",
      "host_refused",
      "session_not_found",
      "not_acceptable",
      "rate_limited",
      "internal_error",
      "child_start_failed",
      "host_exhausted",
      "child_exited",
      "child_refused",
      "draining",
      "session_limit",
      "server_session_limit",
      "pool_full",
      "crash_loop",
      "start_queue_full",
    ]),
  },
};

/** One JSON-RPC message, with the first ones of a session as examples. */
export const messageBody: NonNullable<DocumentDecoration["requestBody"]> = {
  required: true,
  content: {
    "application/json": {
      schema: { $ref: "#/components/schemas/RpcMessage" },
      examples: {
        initialize: {
          summary: "The first message of a session",
          value: {
            jsonrpc: "2.0",
            id: 1,
            method: "initialize",
            params: {
              protocolVersion: "2025-11-25",
              capabilities: {},
              clientInfo: { name: "example", version: "1.0.0" },
            },
          },
        },
        initialized: {
          summary: "The second one",
          value: { jsonrpc: "2.0", method: "notifications/initialized" },
        },
        call: {
          summary: "A tool call",
          value: {
            jsonrpc: "2.0",
            id: 2,
            method: "tools/call",
            params: { name: "echo", arguments: { message: "hello" } },
          },
        },
      },
    },
  },
};

/** `POST /:server/message?sessionId=`. */
export const postMessageDetail: DocumentDecoration = {
  tags: ["MCP"],
  summary: "Send a message",
  description:
    "Passes one JSON-RPC message on to the session's server. The answer to a request arrives as an event on the session's stream, not here.",
  operationId: "sendMessage",
  security: GUARDED,
  parameters: [
    serverParameter,
    {
      name: "sessionId",
      in: "query",
      required: true,
      description: "The session, as the `endpoint` event named it.",
      schema: { type: "string" },
    },
  ],
  requestBody: messageBody,
  responses: {
    "202": {
      description: "The message is on its way to the server.",
      content: { "text/plain": { schema: { type: "string" }, example: "Accepted" } },
    },
    ...errorResponses("mcp", [
      "invalid_json",
      "invalid_request",
      "bad_header",
      "bad_path",
      "session_id_missing",
      "unauthorized",
      "server_not_allowed",
      "origin_refused",
      "host_refused",
      "session_not_found",
      "body_timeout",
      "body_too_large",
      "unsupported_media_type",
      "rate_limited",
      "too_many_in_flight",
      "internal_error",
      "child_exited",
      "child_busy",
      "draining",
    ]),
  },
};
