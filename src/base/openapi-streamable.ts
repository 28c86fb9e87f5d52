import type { DocumentDecoration } from "elysia";
import { clientVariableParameter, GUARDED, messageBody, type Parameter, serverParameter } from "./openapi.ts";
import { errorResponses } from "./openapi-errors.ts";

const sessionHeader: Parameter = {
  name: "Mcp-Session-Id",
  in: "header",
  description: "The session, as the answer to `initialize` named it. Left out with `initialize` alone.",
  schema: { type: "string" },
};

const revisionHeader: Parameter = {
  name: "MCP-Protocol-Version",
  in: "header",
  description: "The revision that was agreed on, from 2025-06-18 on.",
  schema: { type: "string", enum: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] },
};

const ADMISSION = [
  "bad_header",
  "session_id_missing",
  "unauthorized",
  "server_not_allowed",
  "origin_refused",
  "host_refused",
  "session_not_found",
  "rate_limited",
  "internal_error",
] as const;

const EVENTS = {
  "text/event-stream": {
    schema: { type: "string" as const },
    example: 'id: a1-1-1\nevent: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
  },
};

/** `POST /:server/mcp`. */
export const postMcpDetail: DocumentDecoration = {
  tags: ["MCP"],
  summary: "Send a message, or open a session with initialize",
  description:
    "Streamable HTTP, MCP revisions 2025-03-26 to 2025-11-25. `initialize` without `Mcp-Session-Id` starts a process of the server; its " +
    "answer carries the header `Mcp-Session-Id` for all further requests. A request is answered by JSON when its answer comes soon and " +
    "alone, else by an event stream with whatever belongs to it. Notifications and answers of the client get 202.",
  operationId: "postMcp",
  security: GUARDED,
  parameters: [serverParameter, sessionHeader, revisionHeader, clientVariableParameter],
  requestBody: messageBody,
  responses: {
    "200": {
      description: "The answer, alone or on an event stream.",
      content: {
        "application/json": {
          schema: { $ref: "#/components/schemas/RpcMessage" },
          example: { jsonrpc: "2.0", id: 1, result: {} },
        },
        ...EVENTS,
      },
    },
    "202": { description: "A notification or an answer is on its way to the server." },
    ...errorResponses("mcp", [
      ...ADMISSION,
      "invalid_json",
      "invalid_request",
      "client_variable_refused",
      "client_variable_missing",
      "not_acceptable",
      "body_timeout",
      "body_too_large",
      "unsupported_media_type",
      "too_many_in_flight",
      "child_start_failed",
      "child_exited",
      "child_line_too_large",
      "child_busy",
      "child_timeout",
      "start_timeout",
      "host_exhausted",
      "draining",
      "session_limit",
      "server_session_limit",
      "crash_loop",
      "start_queue_full",
    ]),
  },
};

/** `GET /:server/mcp`. */
export const getMcpDetail: DocumentDecoration = {
  tags: ["MCP"],
  summary: "Listen to a session",
  description:
    "Opens the session's standalone stream, for what the server says of its own accord; a newer one takes its place. With `Last-Event-ID` " +
    "the stream of that event goes on where the client lost it, whichever it was.",
  operationId: "getMcp",
  security: GUARDED,
  parameters: [
    serverParameter,
    { ...sessionHeader, required: true },
    revisionHeader,
    { name: "Last-Event-ID", in: "header", description: "The last event that was seen.", schema: { type: "string" } },
  ],
  responses: {
    "200": { description: "The event stream.", content: EVENTS },
    ...errorResponses("mcp", [...ADMISSION, "not_acceptable"]),
  },
};

/** `DELETE /:server/mcp`. */
export const deleteMcpDetail: DocumentDecoration = {
  tags: ["MCP"],
  summary: "End a session",
  description: "Ends the session and its process. What was in flight is answered with an error.",
  operationId: "deleteMcp",
  security: GUARDED,
  parameters: [serverParameter, { ...sessionHeader, required: true }, revisionHeader],
  responses: { "204": { description: "The session is over." }, ...errorResponses("mcp", ADMISSION) },
};
