import { ERRORS, ProxyError } from "../../base/errors.ts";
import type { RawMessage } from "../../link/link.ts";
import type { Server } from "../../process/server.ts";
import type { Registry } from "../../session/registry.ts";
import type { Session } from "../../session/session.ts";
import type { JsonScanner } from "../../wire/json-scan.ts";
import { errorAnswer, type IdKey } from "../../wire/message.ts";
import { isSessionRevision, SESSION_REVISIONS } from "../../wire/revisions.ts";
import type { BodyReader } from "../body.ts";
import { readClientMessages } from "../client-message.ts";
import type { ClientStream } from "../client-stream.ts";
import { accepts } from "../content-type.ts";
import type { Fields, TransportAnswer, TransportRequest } from "../request.ts";
import type { StatelessTransport } from "../stateless/stateless.ts";
import { STREAM_FIELDS } from "../stream-fields.ts";
import { createHistoryBudget } from "./history.ts";
import { initializeResult } from "./initialize.ts";
import { createStreamableOutput, type StreamableOutput } from "./output.ts";

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

  /** Callers that are alike have the same fields object: the headers of their answers are made once. */
  const inits = new WeakMap<Fields, ResponseInit>();
  const jsonInit = (fields: Fields): ResponseInit => {
    const known = inits.get(fields);
    if (known !== undefined) return known;
    const init = { headers: new Headers({ ...fields, "content-type": "application/json" }) };
    inits.set(fields, init);
    return init;
  };

  // Nearly every request has the same Accept as the one before it.
  let lastAccept: string | undefined;
  const acceptsAnswers = (accept: string | null): boolean => {
    if (accept !== null && accept === lastAccept) return true;
    if (!(accepts(accept, "application", "json") && accepts(accept, "text", "event-stream"))) return false;
    lastAccept = accept ?? undefined;
    return true;
  };

  const find = ({ request, server, principal }: TransportRequest): { session: Session; output: StreamableOutput } => {
    const id = request.headers.get("mcp-session-id");
    if (id === null || id === "") {
      throw new ProxyError("session_id_missing", {
        message: "The header Mcp-Session-Id is missing: send the one that came with the answer to initialize.",
      });
    }
    const session = registry.find(id, server, principal, "streamable-http");
    const output = session === undefined ? undefined : outputs.get(session);
    if (session === undefined || output === undefined) throw new ProxyError("session_not_found");
    checkRevision(request.headers);
    return { session, output };
  };

  /** Answers with an event stream, and lets go of the connection when the client does. */
  const streamAnswer = (
    { request, fields, keepOpen }: TransportRequest,
    { session, output }: { session: Session; output: StreamableOutput },
    stream: ClientStream,
  ): TransportAnswer => {
    keepOpen();
    const leave = () => output.disconnect(stream);
    if (request.signal.aborted) leave();
    else request.signal.addEventListener("abort", leave, { once: true });
    return { response: new Response(stream.body, { headers: { ...fields, ...STREAM_FIELDS } }), session: session.name };
  };

  const initialize = async (arrival: TransportRequest, message: RawMessage): Promise<TransportAnswer> => {
    const { request, server, principal, client, keepOpen } = arrival;
    // No time limit is left on this connection: it must not outlive its answer.
    const fields = { ...arrival.fields, connection: "close" };
    if (message.message.kind !== "request") throw new ProxyError("invalid_request");
    const variables = readVariables(request.headers, server);
    // npx may download for minutes before the first answer.
    keepOpen();
    const { heartbeatMs, stalledWriteMs } = server.timeouts;
    const output = createStreamableOutput({
      budget,
      heartbeatMs,
      stalledWriteMs,
      historyBytes: server.limits.outboxBytes,
    });
    const session = await registry.open({
      server,
      principal,
      client: client(),
      transport: "streamable-http",
      variables,
      signal: request.signal,
      createOutput: () => output,
    });
    const leave = () => session.end("client-closed");
    request.signal.addEventListener("abort", leave, { once: true });
    const reply = output.expect([message.message.id], "alone");
    try {
      session.receive(message);
    } catch (error) {
      session.end("internal-error");
      throw error;
    }
    const answer = await reply;
    request.signal.removeEventListener("abort", leave);
    // One that is expected alone is answered by JSON, whoever answers.
    const body = answer.kind === "json" ? answer.body : Buffer.alloc(0);
    const result = answer.kind === "json" ? initializeResult(body, answer.from) : { kind: "refused" as const };
    if (result.kind === "refused") {
      session.end("deleted");
      return { response: jsonAnswer(body, 200, fields), session: session.name };
    }
    if (result.kind === "failed")
      return { response: jsonAnswer(body, ERRORS[result.code].status, fields), session: session.name };
    if (result.revision !== undefined) output.setRevision(result.revision);
    outputs.set(session, output);
    return { response: jsonAnswer(body, 200, { ...fields, "mcp-session-id": session.id }), session: session.name };
  };

  // Not async functions, from here to `post`: each would cost a message half a microsecond.
  const exchange = (
    arrival: TransportRequest,
    messages: readonly RawMessage[],
  ): TransportAnswer | Promise<TransportAnswer> => {
    const found = find(arrival);
    const { session, output } = found;
    const ids = requestIds(messages);
    if (ids.length === 0) {
      for (const message of messages) session.receive(message);
      return { response: new Response(null, { status: 202, headers: arrival.fields }), session: session.name };
    }
    // A batch is refused whole or passed on whole: half of its answers would belong to nobody.
    session.requireRoom(ids.length);
    const reply = output.expect(ids, "with-messages");
    passOn(session, output, messages);
    return reply.then((answer) =>
      answer.kind === "stream"
        ? streamAnswer(arrival, found, answer.stream)
        : { response: new Response(answer.body, jsonInit(arrival.fields)), session: session.name },
    );
  };

  const dispatch = (arrival: TransportRequest, body: Buffer): TransportAnswer | Promise<TransportAnswer> => {
    const { messages, isBatch } = readClientMessages(body, scan);
    const [first] = messages;
    if (!isBatch && first !== undefined && stateless.takes(arrival.request, first))
      return stateless.post(arrival, first);
    const opens = first?.message.kind === "request" && first.message.method === "initialize";
    if (opens && !isBatch) {
      if (!arrival.request.headers.has("mcp-session-id")) return initialize(arrival, first);
      throw new ProxyError("invalid_request", {
        message: "A session is initialized once: leave Mcp-Session-Id out to open another.",
      });
    }
    if (isBatch) requireBatches(find(arrival).output);
    return exchange(arrival, messages);
  };

  return {
    post: (arrival) => {
      const { request } = arrival;
      if (!acceptsAnswers(request.headers.get("accept"))) {
        throw new ProxyError("not_acceptable", {
          message: "This URL answers with application/json or text/event-stream: allow both in Accept.",
        });
      }
      return readBody(request).then((body) => dispatch(arrival, body));
    },

    get: (arrival) => {
      const { headers } = arrival.request;
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
      const { session } = find(arrival);
      session.end("deleted");
      return { response: new Response(null, { status: 204, headers: arrival.fields }), session: session.name };
    },
  };
}

/**
 * Passes messages on. What fails before anything has reached the child is refused as a whole; afterwards only the requests
 * that could not be passed on are answered with the reason.
 */
function passOn(session: Session, output: StreamableOutput, messages: readonly RawMessage[]): void {
  for (const [index, message] of messages.entries()) {
    try {
      session.receive(message);
    } catch (error) {
      const left = messages
        .slice(index)
        .flatMap(({ message: { kind, ...rest } }) => (kind === "request" && "rawId" in rest ? [rest] : []));
      if (index === 0 || !(error instanceof ProxyError)) {
        output.retract(left.map(({ id }) => id));
        throw error;
      }
      const { code } = error;
      for (const { id, rawId } of left)
        output.answer(id, errorAnswer(rawId, ERRORS[code].rpc, error.message, { code }));
      return;
    }
  }
}

function requestIds(messages: readonly RawMessage[]): readonly IdKey[] {
  const ids: IdKey[] = [];
  for (const { message } of messages) if (message.kind === "request") ids.push(message.id);
  return ids;
}

function requireBatches(output: StreamableOutput): void {
  if (output.takesBatches()) return;
  throw new ProxyError("invalid_request", {
    message: "Batches belong to revision 2025-03-26 alone: send one JSON-RPC 2.0 message a request.",
  });
}

/** Refuses a revision that no session can have. Absent is fine: revisions before 2025-06-18 have no such header. */
function checkRevision(headers: Headers): void {
  const revision = headers.get("mcp-protocol-version");
  if (revision === null || isSessionRevision(revision)) return;
  throw new ProxyError("bad_header", {
    message: `MCP-Protocol-Version is not a supported revision. Supported: ${SESSION_REVISIONS.join(", ")}.`,
    data: { supported: SESSION_REVISIONS },
  });
}

function jsonAnswer(body: Buffer, status: number, fields: Fields): Response {
  return new Response(body, { status, headers: { ...fields, "content-type": "application/json" } });
}
