import type { DocumentDecoration } from "elysia";
import { errorResponses } from "./errors.ts";
import {
  clientVariableParameter,
  GUARDED,
  lastEventHeader,
  messageBody,
  type Parameter,
  serverParameter,
} from "./routes.ts";

const sessionHeader: Parameter = {
  name: "Mcp-Session-Id",
  in: "header",
  description:
    "The session, as the answer to `initialize` named it. Left out with `initialize` and with stateless requests.",
  schema: { type: "string" },
};

const revisionHeader: Parameter = {
  name: "MCP-Protocol-Version",
  in: "header",
  description: "The revision that was agreed on, from 2025-06-18 on.",
  schema: { type: "string", enum: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] },
};

/** What a stateless request repeats of its body (MCP 2026-07-28, basic/transports/streamable-http, "Request Metadata"). */
const statelessHeaders: readonly Parameter[] = [
  {
    name: "MCP-Protocol-Version",
    in: "header",
    description:
      "In a session the revision that was agreed on, from 2025-06-18 on. A stateless request must have it: the revision that its `_meta` names.",
    schema: { type: "string", enum: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] },
  },
  {
    name: "Mcp-Method",
    in: "header",
    description: "A stateless request must have it: its `method`. In a session it has no meaning.",
    schema: { type: "string" },
  },
  {
    name: "Mcp-Name",
    in: "header",
    description:
      "A stateless `tools/call`, `prompts/get` or `resources/read` must have it: its `params.name` or `params.uri`, as " +
      "`=?base64?…?=` where it is not plain ASCII. In a session it has no meaning.",
    schema: { type: "string" },
  },
];

const ADMISSION = [
  "bad_header",
  "bad_path",
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
  summary: "Send a message of a session, open one with initialize, or send a stateless request",
  description:
    "Streamable HTTP, with sessions and without. Which of the two a request is shows in its own content: a stateless one carries its " +
    "revision in `_meta`. A request of either kind is answered by JSON when its answer comes soon and alone, else by an event stream " +
    "with whatever belongs to it.\n\n" +
    "**Sessions, MCP revisions 2025-03-26 to 2025-11-25.** `initialize` without `Mcp-Session-Id` opens one; its answer carries the " +
    "header `Mcp-Session-Id` for all further requests. Notifications and answers of the client get 202. A request of such a revision that " +
    "names no session is answered by itself, from a process that its caller's requests share.\n\n" +
    "**Stateless requests, MCP revision 2026-07-28.** Each has `io.modelcontextprotocol/protocolVersion` and " +
    "`io.modelcontextprotocol/clientCapabilities` in `params._meta`, repeats its revision, method and name in headers, and brings its " +
    "own `ENV_` headers; there is nothing to open or to end. `server/discover` says what the server can do, and " +
    "`subscriptions/listen` is answered by a stream that stays open. A result of the type `input_required` asks for something: the " +
    "request is sent again, with `inputResponses` and the `requestState` that came. Notifications get 202.",
  operationId: "postMcp",
  security: GUARDED,
  parameters: [serverParameter, sessionHeader, ...statelessHeaders, clientVariableParameter],
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
    "202": { description: "A notification, or a client's answer in a session, was taken." },
    ...errorResponses("mcp", [
      ...ADMISSION,
      "invalid_json",
      "invalid_request",
      "client_variable_refused",
      "client_variable_missing",
      "header_mismatch",
      "capability_missing",
      "revision_unsupported",
      "invalid_envelope",
      "invalid_params",
      "request_state_refused",
      "method_not_found",
      "not_acceptable",
      "body_timeout",
      "body_too_large",
      "unsupported_media_type",
      "too_many_in_flight",
      "child_start_failed",
      "child_exited",
      "child_refused",
      "child_line_too_large",
      "child_bad_answer",
      "child_busy",
      "child_timeout",
      "start_timeout",
      "host_exhausted",
      "draining",
      "session_limit",
      "server_session_limit",
      "pool_full",
      "parked_limit",
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
  parameters: [serverParameter, { ...sessionHeader, required: true }, revisionHeader, lastEventHeader],
  responses: {
    "200": { description: "The event stream.", content: EVENTS },
    ...errorResponses("mcp", [...ADMISSION, "method_not_allowed", "not_acceptable"]),
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
  responses: {
    "204": { description: "The session is over." },
    ...errorResponses("mcp", [...ADMISSION, "method_not_allowed"]),
  },
};
