import { ProxyError } from "../../base/errors.ts";
import type { Server } from "../../process/server.ts";
import type { Registry } from "../../session/registry.ts";
import type { Session } from "../../session/session.ts";
import type { JsonScanner } from "../../wire/json-scan.ts";
import { isSessionRevision, SESSION_REVISIONS } from "../../wire/revisions.ts";
import { type AnswerTypes, createAcceptReader } from "../answer-types.ts";
import type { BodyReader } from "../body.ts";
import { readClientMessages } from "../client-message.ts";
import { accepts } from "../content-type.ts";
import { createHistoryBudget } from "../history.ts";
import type { TransportAnswer, TransportRequest } from "../request.ts";
import { underRequest } from "../request-error.ts";
import type { StatelessTransport } from "../stateless/stateless.ts";
import { createOpening } from "./opening.ts";
import type { StreamableOutput } from "./output.ts";
import { createSessionPost, type FoundSession, streamAnswer } from "./session-post.ts";

/** What the histories of all sessions together may hold. */
const HISTORY_BYTES = 64 * 1024 * 1024;

export interface StreamableOptions {
  readonly registry: Registry;
  readonly readBody: BodyReader;
  readonly scan: JsonScanner;
  /** Takes the requests that belong to no session. */
  readonly stateless: StatelessTransport;
  /** Takes the client's variables from the headers. @throws ProxyError client_variable_refused, client_variable_missing. */
  readonly readVariables: (headers: Headers, server: Server) => ReadonlyMap<string, string>;
}

/** Streamable HTTP, with sessions for MCP revisions 2025-03-26 to 2025-11-25; other requests are handed on. */
export interface StreamableTransport {
  readonly post: (request: TransportRequest) => Promise<TransportAnswer>;
  /** Opens the standalone stream, or goes on with the stream that Last-Event-ID names. */
  readonly get: (request: TransportRequest) => TransportAnswer;
  readonly delete: (request: TransportRequest) => TransportAnswer;
}

export function createStreamable(options: StreamableOptions): StreamableTransport {
  const { registry, readBody, scan, stateless, readVariables } = options;
  const budget = createHistoryBudget(HISTORY_BYTES);
  const outputs = new WeakMap<Session, StreamableOutput>();

  const find = ({ request, server, principal }: TransportRequest, id = sessionIdOf(request)): FoundSession => {
    if (id === "") {
      throw new ProxyError("session_id_missing", {
        message: "The header Mcp-Session-Id is missing: send the one that came with the answer to initialize.",
      });
    }
    const session = registry.find(id, server, principal, "streamable-http");
    const output = session === undefined ? undefined : outputs.get(session);
    if (session === undefined || output === undefined) throw new ProxyError("session_not_found");
    checkRevision(request.headers, output);
    return { session, output };
  };

  const readAccept = createAcceptReader();
  const initialize = createOpening({
    registry,
    budget,
    readVariables,
    onOpened: (session, output) => void outputs.set(session, output),
  });

  /** Whether the session that a request names is one that its caller has. */
  const isInSession = ({ request, server, principal }: TransportRequest): boolean => {
    const id = request.headers.get("mcp-session-id");
    return id !== null && registry.find(id, server, principal, "streamable-http") !== undefined;
  };

  const pass = createSessionPost();
  // No async functions: each would cost a message half a microsecond.
  const dispatch = (
    arrival: TransportRequest,
    body: Buffer,
    types: AnswerTypes,
  ): TransportAnswer | Promise<TransportAnswer> => {
    const { messages, isBatch } = readClientMessages(body, scan);
    arrival.admit(messages);
    const [first] = messages;
    if (isBatch || first === undefined) {
      const found = find(arrival);
      requireBatches(found.output);
      return pass(arrival, found, messages, types);
    }
    if (stateless.takes(arrival.request, first)) return stateless.post(arrival, first, types);
    const sessionId = sessionIdOf(arrival.request);
    const isOpening = first.message.kind === "request" && first.message.method === "initialize";
    if (sessionId === "" && !isOpening) return stateless.sessionless.post(arrival, first, types);
    if (first.message.kind !== "request") return pass(arrival, find(arrival, sessionId), messages, types);
    const { method, rawId } = first.message;
    const refuse = (error: unknown) => {
      throw underRequest(error, rawId);
    };
    if (method === "initialize") {
      // A client whose session is over, after a restart for instance, may still send its id.
      if (!isInSession(arrival)) return initialize(arrival, first, types).catch(refuse);
      const message = "A session is initialized once: leave Mcp-Session-Id out to open another.";
      return refuse(new ProxyError("invalid_request", { message }));
    }
    try {
      return pass(arrival, find(arrival, sessionId), messages, types);
    } catch (error) {
      return refuse(error);
    }
  };

  return {
    post: (arrival) => {
      const { request } = arrival;
      const types = readAccept(request.headers.get("accept"));
      return readBody(request).then((body) => dispatch(arrival, body, types));
    },

    get: (arrival) => {
      const { headers } = arrival.request;
      requireSession(arrival.request);
      if (!accepts(headers.get("accept"), "text", "event-stream")) {
        throw new ProxyError("not_acceptable", {
          message: "This URL answers GET with text/event-stream: allow it in Accept.",
        });
      }
      const found = find(arrival);
      const stream = found.output.resume(headers.get("last-event-id") ?? undefined);
      if (stream === undefined) {
        throw new ProxyError("bad_header", {
          message: "The header Last-Event-ID is not the id of an event of this session.",
        });
      }
      if (stream === "over") {
        // What tells an EventSource to come back no more (HTML Standard, section 9.2.3), and the SDKs' clients too.
        return { response: new Response(null, { status: 204, headers: arrival.fields }), session: found.session.name };
      }
      if (stream === "gap") {
        throw new ProxyError("session_not_found", {
          message: "Events after Last-Event-ID are no longer known, so the session cannot go on. Open a new one.",
        });
      }
      return streamAnswer(arrival, found, stream);
    },

    delete: (arrival) => {
      requireSession(arrival.request);
      const { session } = find(arrival);
      session.end("deleted");
      return { response: new Response(null, { status: 204, headers: arrival.fields }), session: session.name };
    },
  };
}

function requireBatches(output: StreamableOutput): void {
  if (output.takesBatches()) return;
  throw new ProxyError("invalid_request", {
    message: "Batches belong to revision 2025-03-26 alone: send one JSON-RPC 2.0 message a request.",
  });
}

/** The session that a request names; empty: none. */
function sessionIdOf({ headers }: Pick<Request, "headers">): string {
  return headers.get("mcp-session-id") ?? "";
}

/**
 * GET and DELETE are for sessions: to one who names none, the URL does not take them. Clients that only try whether there is a
 * stream stop at 405, and try again at any other refusal.
 */
function requireSession({ method, headers }: Request): void {
  if (sessionIdOf({ headers }) !== "") return;
  throw new ProxyError("method_not_allowed", {
    message: `Without a session this URL takes POST, not ${method}: name the session in Mcp-Session-Id, if there is one.`,
    fields: { allow: "POST, OPTIONS" },
  });
}

/**
 * Refuses a revision that no session can have and that this one's server has not agreed to. Absent is fine: revisions
 * before 2025-06-18 have no such header.
 */
function checkRevision(headers: Headers, output: StreamableOutput): void {
  const revision = headers.get("mcp-protocol-version");
  if (revision === null || isSessionRevision(revision) || output.speaks(revision)) return;
  throw new ProxyError("bad_header", {
    message: `MCP-Protocol-Version is not a supported revision. Supported: ${SESSION_REVISIONS.join(", ")}.`,
    data: { supported: SESSION_REVISIONS },
  });
}
