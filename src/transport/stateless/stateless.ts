import { ProxyError } from "../../base/errors.ts";
import type { RawMessage } from "../../link/link.ts";
import type { Server } from "../../process/server.ts";
import type { Stateless } from "../../stateless/stateless.ts";
import { hasEnvelope, readEnvelope } from "../../wire/envelope.ts";
import { textAt, valueAt } from "../../wire/json-edit.ts";
import { stringAt } from "../../wire/json-value.ts";
import { headerMismatch } from "../../wire/mcp-headers.ts";
import { paramsFlaw } from "../../wire/param-types.ts";
import { isSessionRevision, isStatelessRevision, MCP_ROUTE_REVISIONS } from "../../wire/revisions.ts";
import type { AnswerTypes } from "../answer-types.ts";
import type { TransportAnswer, TransportRequest } from "../request.ts";
import { underRequest } from "../request-error.ts";
import { createExchanges } from "./exchange.ts";
import { answerWith } from "./reply.ts";
import { createSessionlessTransport, type SessionlessTransport } from "./sessionless.ts";

export interface StatelessTransportOptions {
  readonly stateless: Stateless;
  /** Takes the client's variables from the headers. @throws ProxyError client_variable_refused, client_variable_missing. */
  readonly readVariables: (headers: Headers, server: Server) => ReadonlyMap<string, string>;
}

/** Stateless requests, MCP revision 2026-07-28. */
export interface StatelessTransport {
  /** Whether a message is of this revision's kind, by its own content. */
  readonly takes: (request: Request, message: RawMessage) => boolean;
  readonly post: (request: TransportRequest, message: RawMessage, types: AnswerTypes) => Promise<TransportAnswer>;
  /** Takes messages of older revisions that name no session. */
  readonly sessionless: SessionlessTransport;
}

/** Status of an answer that is an error of the protocol itself (basic/index, "Error Codes"; streamable-http). */
const STATUS_OF: ReadonlyMap<string, number> = new Map([
  ["-32601", 404],
  ["-32020", 400],
  ["-32021", 400],
  ["-32022", 400],
]);

/** The log's name for what has no session. */
const NO_SESSION = "stateless";

export function createStatelessTransport({ stateless, readVariables }: StatelessTransportOptions): StatelessTransport {
  const createExchange = createExchanges();

  const serve = async (
    arrival: TransportRequest,
    { line, rawId, method }: { readonly line: Buffer; readonly rawId: string; readonly method: string },
    types: AnswerTypes,
  ) => {
    const takesStream = types.stream;
    if (method === "subscriptions/listen" && !takesStream) {
      throw new ProxyError("not_acceptable", {
        message: "A subscription is answered with text/event-stream: allow it in Accept.",
      });
    }
    const { request, server, principal } = arrival;
    const { headers } = request;
    const envelope = readCheckedEnvelope(headers, line, method);
    const variables = readVariables(headers, server);
    const { heartbeatMs, stalledWriteMs } = server.timeouts;
    const { sink, reply, left } = createExchange({
      rawId,
      heartbeatMs,
      stalledWriteMs,
      signal: request.signal,
      takesStream,
    });
    const header = (name: string) => headers.get(name);
    const round = { line, rawId, method, envelope, sink, header, client: arrival.client };
    void stateless.serve({ server, principal, variables, round, signal: left, admitStart: arrival.admitStart });
    return answerWith(reply, { arrival, types, statusOf, name: NO_SESSION });
  };

  return {
    sessionless: createSessionlessTransport(stateless.sessionless, readVariables),
    takes: ({ headers }, { line, message }) => {
      if (message.kind !== "request" && message.kind !== "notification") return false;
      if (hasEnvelope(line)) return true;
      const revision = headers.get("mcp-protocol-version");
      if (headers.has("mcp-session-id")) return false;
      return (
        (message.kind === "request" && message.method === "server/discover") ||
        (revision !== null && !isSessionRevision(revision) && !isInitialize(message))
      );
    },
    post: async (arrival, { line, message }, types) => {
      if (message.kind !== "request") {
        // The revision has none that a client would send; one that comes is accepted and means nothing.
        return { response: new Response(null, { status: 202, headers: arrival.fields }), session: NO_SESSION };
      }
      const { rawId, method } = message;
      try {
        return await serve(arrival, { line, rawId, method }, types);
      } catch (error) {
        throw underRequest(error, rawId);
      }
    },
  };
}

function isInitialize(message: RawMessage["message"]): boolean {
  return message.kind === "request" && message.method === "initialize";
}

/** In the order of the specification: what the body must have, then what the headers say of it, the revision, and the types that it has. */
function readCheckedEnvelope(headers: Headers, line: Buffer, method: string) {
  const envelope = readEnvelope(line);
  if ("flaw" in envelope) throw new ProxyError("invalid_envelope", { message: envelope.flaw });
  const mismatch = headerMismatch(
    {
      protocolVersion: headers.get("mcp-protocol-version"),
      method: headers.get("mcp-method"),
      name: headers.get("mcp-name"),
    },
    { protocolVersion: envelope.revision, method, name: nameOf(line, method) },
  );
  if (mismatch !== undefined) throw new ProxyError("header_mismatch", { message: `Header mismatch: ${mismatch}` });
  if (!isStatelessRevision(envelope.revision)) {
    throw new ProxyError("revision_unsupported", {
      message: `Requests of revision ${JSON.stringify(envelope.revision.slice(0, 50))} are not supported.`,
      data: { supported: MCP_ROUTE_REVISIONS, requested: envelope.revision.slice(0, 200) },
    });
  }
  const flaw = paramsFlaw(line, method);
  if (flaw !== undefined) throw new ProxyError("invalid_params", { message: flaw });
  return envelope;
}

/** What `Mcp-Name` repeats. */
function nameOf(line: Buffer, method: string): string | undefined {
  const member = method === "resources/read" ? "uri" : "name";
  if (method !== "resources/read" && method !== "tools/call" && method !== "prompts/get") return undefined;
  return stringAt(line, ["params", member]);
}

function statusOf(answer: Buffer): number {
  const code = valueAt(answer, ["error", "code"]);
  return code === undefined ? 200 : (STATUS_OF.get(textAt(answer, code)) ?? 200);
}
