import type { ElysiaSwaggerConfig } from "@elysiajs/swagger";
import { ERRORS } from "../../base/errors.ts";

type Document = NonNullable<ElysiaSwaggerConfig["documentation"]>;
type Schemas = NonNullable<NonNullable<Document["components"]>["schemas"]>;
type Schema = Schemas[string];

const errorCode: Schema = {
  type: "string",
  enum: Object.keys(ERRORS),
  description: "Stable code to decide on; the message is for people.",
};

/** Schemas that the routes' answers refer to, for `components.schemas` of the OpenAPI document. */
export const SCHEMAS: Schemas = {
  ManagementError: {
    type: "object",
    required: ["error", "error_description"],
    description: "An error as OAuth has it (RFC 6749, section 5.2).",
    properties: { error: errorCode, error_description: { type: "string" } },
    additionalProperties: true,
  },
  RpcError: {
    type: "object",
    required: ["jsonrpc", "id", "error"],
    description: "A JSON-RPC 2.0 error object (section 5.1). `id` is that of the request where it could be read.",
    properties: {
      jsonrpc: { type: "string", enum: ["2.0"] },
      id: { oneOf: [{ type: "string" }, { type: "integer" }], nullable: true },
      error: {
        type: "object",
        required: ["code", "message", "data"],
        properties: {
          code: { type: "integer" },
          message: { type: "string" },
          data: { type: "object", required: ["code"], properties: { code: errorCode }, additionalProperties: true },
        },
      },
    },
  },
  Health: {
    type: "object",
    required: ["status"],
    properties: { status: { type: "string", enum: ["ok", "draining"] } },
    additionalProperties: true,
  },
  ServerList: {
    type: "object",
    required: ["servers"],
    properties: {
      servers: {
        type: "array",
        items: {
          type: "object",
          required: ["name", "transports", "urls", "clientVariables", "sessions"],
          properties: {
            name: { type: "string", description: "A configured name, or an exact command line." },
            transports: { type: "array", items: { type: "string", enum: ["sse", "streamable-http", "stateless"] } },
            urls: {
              type: "object",
              description: "For each transport the path to connect to, encoded and ready to use.",
              additionalProperties: { type: "string" },
            },
            clientVariables: {
              description: 'The variables that a client may set by `ENV_` headers; `"*"`: any that is not denied.',
              oneOf: [
                { type: "string", enum: ["*"] },
                {
                  type: "array",
                  items: {
                    type: "object",
                    required: ["name", "required"],
                    properties: { name: { type: "string" }, required: { type: "boolean" } },
                  },
                },
              ],
            },
            sessions: { type: "integer", minimum: 0, description: "Live sessions of this server." },
          },
        },
      },
    },
  },
  RpcMessage: {
    type: "object",
    required: ["jsonrpc"],
    description: "One JSON-RPC 2.0 request, notification or response. Batches are refused.",
    properties: {
      jsonrpc: { type: "string", enum: ["2.0"] },
      id: { oneOf: [{ type: "string" }, { type: "integer" }] },
      method: { type: "string" },
      params: { type: "object" },
    },
    additionalProperties: true,
  },
};
