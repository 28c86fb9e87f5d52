import { ERRORS, ProxyError } from "../../base/errors.ts";
import type { Server } from "../../process/server.ts";
import type { Registry } from "../../session/registry.ts";
import type { Session } from "../../session/session.ts";
import type { JsonScanner } from "../../wire/json-scan.ts";
import { errorAnswer, idKey } from "../../wire/message.ts";
import type { BodyReader } from "../body.ts";
import { readClientMessage } from "../client-message.ts";
import type { ClientStream } from "../client-stream.ts";
import { accepts } from "../content-type.ts";
import type { Fields, TransportAnswer, TransportRequest } from "../request.ts";
import { underRequest } from "../request-error.ts";
import { STREAM_FIELDS } from "../stream-fields.ts";
import { createEventStreamOutput, type EventStreamOutput } from "./output.ts";
import { createReturns, type OpenSession } from "./returns.ts";

export interface SseOptions {
  readonly registry: Registry;
  readonly readBody: BodyReader;
  readonly scan: JsonScanner;
  /** Takes the client's variables from the headers. @throws ProxyError client_variable_refused, client_variable_missing. */
  readonly readVariables: (headers: Headers, server: Server) => ReadonlyMap<string, string>;
}

/** HTTP+SSE, the transport of MCP revision 2024-11-05. */
export interface SseTransport {
  /**
   * `GET /:server/sse`: opens a session and its event stream, whose first event names the URL for messages; or goes on with the
   * session that `Last-Event-ID` is of, as an EventSource asks that was cut off.
   */
  readonly open: (request: TransportRequest) => TransportAnswer | Promise<TransportAnswer>;
  /** `POST /:server/message?sessionId=`: passes a message on; its answer, if any, comes on the event stream. */
  readonly message: (request: TransportRequest) => Promise<TransportAnswer>;
}

export function createSse({ registry, readBody, scan, readVariables }: SseOptions): SseTransport {
  const endpointOf = (prefix: string, server: Server, id: string) =>
    `${prefix}/${encodeURIComponent(server.name)}/message?sessionId=${id}`;
  const returns = createReturns();

  /** Callers that are alike have the same fields object: the headers of their answers are made once. */
  const accepted = new WeakMap<Fields, ResponseInit>();
  const acceptedInit = (fields: Fields): ResponseInit => {
    const known = accepted.get(fields);
    if (known !== undefined) return known;
    const init = { status: 202, headers: new Headers({ ...fields, "content-type": "text/plain; charset=utf-8" }) };
    accepted.set(fields, init);
    return init;
  };

  const outputs = new WeakMap<Session, EventStreamOutput>();

  /** Many clients look at the stream alone: what is refused there is told under the request's id, too. */
  const receive = (session: Session, body: Buffer, admit: TransportRequest["admit"]) => {
    let rawId: string | undefined;
    try {
      const raw = readClientMessage(body, scan);
      if (raw.message.kind === "request") ({ rawId } = raw.message);
      admit([raw]);
      session.receive(raw);
    } catch (error) {
      const refusal = underRequest(error, rawId);
      if (refusal instanceof ProxyError) tell(session, refusal);
      throw refusal;
    }
  };

  const tell = (session: Session, { code, message, data, rpcId }: ProxyError) => {
    const id = rpcId === undefined ? undefined : idKey(rpcId);
    // The answer under an id that is in flight is that of another request.
    if (id === undefined || rpcId === undefined || session.owes(id)) return;
    outputs.get(session)?.answer(id, errorAnswer(rpcId, ERRORS[code].rpc, message, { code, ...data }));
  };

  /** Answers with the event stream of a session, and notes when the client's connection is lost. */
  const streamAnswer = (
    { request, fields }: TransportRequest,
    { session, output }: OpenSession,
    stream: ClientStream,
  ): TransportAnswer => {
    const leave = () => {
      if (output.disconnect(stream)) session.clientLeft();
    };
    if (request.signal.aborted) leave();
    else request.signal.addEventListener("abort", leave, { once: true });
    return { response: new Response(stream.body, { headers: { ...fields, ...STREAM_FIELDS } }), session: session.name };
  };

  const begin = async (arrival: TransportRequest, variables: ReadonlyMap<string, string>): Promise<TransportAnswer> => {
    const { request, server, principal, client, publicPrefix, admitStart } = arrival;
    admitStart();
    const { heartbeatMs, stalledWriteMs } = server.timeouts;
    const back = returns.prepare(server);
    let output: EventStreamOutput | undefined;
    let stream: ReturnType<EventStreamOutput["connect"]>;
    const session = await registry.open({
      server,
      principal,
      client: client(),
      transport: "sse",
      variables,
      signal: request.signal,
      createOutput: (id) => {
        const endpoint = endpointOf(publicPrefix(), server, id);
        output = createEventStreamOutput({ heartbeatMs, stalledWriteMs, endpoint, return: back });
        stream = output.connect();
        return output;
      },
    });
    if (output === undefined || typeof stream !== "object") throw new Error("a session was opened without an output");
    const open = { session, output };
    outputs.set(session, output);
    if (back !== undefined) returns.add(back.handle, open, { server, principal, variables });
    return streamAnswer(arrival, open, stream);
  };

  return {
    open: (arrival) => {
      const { request, server, principal, keepOpen } = arrival;
      const { headers } = request;
      if (!accepts(headers.get("accept"), "text", "event-stream")) {
        throw new ProxyError("not_acceptable", {
          message: "This URL answers with text/event-stream: allow it in Accept.",
        });
      }
      const variables = readVariables(headers, server);
      // The wait for a turn to start may be long, too.
      keepOpen();
      const lastEventId = headers.get("last-event-id");
      const back = lastEventId === null ? undefined : returns.find(lastEventId, { server, principal, variables });
      return back === undefined ? begin(arrival, variables) : streamAnswer(arrival, back, back.stream);
    },

    message: ({ request, server, principal, fields, admit }) => {
      const id = sessionIdOf(request.url);
      const session = registry.find(id, server, principal, "sse");
      if (session === undefined) throw new ProxyError("session_not_found");
      return readBody(request).then((body) => {
        receive(session, body, admit);
        return { response: new Response("Accepted", acceptedInit(fields)), session: session.name };
      });
    },
  };
}

/** The query as our own endpoint event has it, which is what nearly every client sends. */
const PLAIN_SESSION_ID = /^[^?]*\?sessionId=([\w-]+)$/;

/** The one `sessionId` of a URL's query. @throws ProxyError session_id_missing, bad_header. */
function sessionIdOf(url: string): string {
  const plain = PLAIN_SESSION_ID.exec(url)?.[1];
  if (plain !== undefined) return plain;
  const query = url.indexOf("?");
  const ids = query === -1 ? [] : new URLSearchParams(url.slice(query)).getAll("sessionId");
  const [id] = ids;
  if (id === undefined || id === "") {
    throw new ProxyError("session_id_missing", {
      message: "The query parameter sessionId is missing: post to the URL that the endpoint event names.",
    });
  }
  if (ids.length > 1)
    throw new ProxyError("bad_header", { message: "The query parameter sessionId comes more than once." });
  return id;
}
