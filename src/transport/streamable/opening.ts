import { ERRORS, ProxyError } from "../../base/errors.ts";
import type { RawMessage } from "../../link/link.ts";
import type { Server } from "../../process/server.ts";
import type { Registry } from "../../session/registry.ts";
import { createSessionId, type Session } from "../../session/session.ts";
import type { IdKey } from "../../wire/message.ts";
import { type AnswerTypes, asEventStream, JSON_ALONE } from "../answer-types.ts";
import type { HistoryBudget } from "../history.ts";
import type { Fields, TransportAnswer, TransportRequest } from "../request.ts";
import { createExchanges } from "../stateless/exchange.ts";
import { STREAM_FIELDS } from "../stream-fields.ts";
import { initializeResult } from "./initialize.ts";
import { createStreamableOutput, type StreamableOutput } from "./output.ts";

export interface OpeningOptions {
  readonly registry: Registry;
  readonly budget: HistoryBudget;
  /** Takes the client's variables from the headers. @throws ProxyError client_variable_refused, client_variable_missing. */
  readonly readVariables: (headers: Headers, server: Server) => ReadonlyMap<string, string>;
  /** Called when the server has agreed: the session is there for other requests. */
  readonly onOpened: (session: Session, output: StreamableOutput) => void;
}

/** Opens a session by the client's `initialize` request. @throws ProxyError when it cannot be opened. */
export type OpenByInitialize = (
  arrival: TransportRequest,
  request: RawMessage,
  types: AnswerTypes,
) => Promise<TransportAnswer>;

/** What became of `initialize`. */
interface Opened {
  readonly body: Buffer;
  readonly status: number;
  /** Whether the session goes on. */
  readonly isOpen: boolean;
  readonly session: Session;
}

/**
 * A server that is slow to start, because a package manager has to install it first, is waited for on an event stream: hops
 * on the way want a first byte early, and heartbeats after it. So the session's id is made before the session is, and
 * stands in the head of either form of the answer.
 */
export function createOpening({ registry, budget, readVariables, onOpened }: OpeningOptions): OpenByInitialize {
  const createExchange = createExchanges();

  const open = async (
    { request, server, principal, client, admitStart }: TransportRequest,
    message: RawMessage,
    id: string,
    left: AbortSignal,
  ): Promise<Opened> => {
    if (message.message.kind !== "request") throw new ProxyError("invalid_request");
    const variables = readVariables(request.headers, server);
    admitStart();
    const { heartbeatMs, stalledWriteMs } = server.timeouts;
    const historyBytes = server.limits.outboxBytes;
    const output = createStreamableOutput({ budget, heartbeatMs, stalledWriteMs, historyBytes });
    const transport = "streamable-http" as const;
    const createOutput = () => output;
    const wanted = {
      server,
      principal,
      client: client(),
      transport,
      variables,
      first: message,
      signal: left,
      id,
      createOutput,
    };
    const session = await registry.open(wanted);
    const leave = () => session.end("client-closed");
    if (left.aborted) leave();
    else left.addEventListener("abort", leave, { once: true });
    let key: IdKey | undefined;
    try {
      key = session.receive(message);
    } catch (error) {
      session.end("internal-error");
      throw error;
    }
    const reply = output.expect(key === undefined ? [] : [key], JSON_ALONE);
    const answer = await reply;
    left.removeEventListener("abort", leave);
    const body = answer.kind === "json" ? answer.body : Buffer.alloc(0);
    const result = answer.kind === "json" ? initializeResult(body, answer.from) : { kind: "refused" as const };
    if (result.kind === "failed") return { body, status: ERRORS[result.code].status, isOpen: false, session };
    if (result.kind === "refused") {
      session.end("deleted");
      return { body, status: 200, isOpen: false, session };
    }
    if (result.revision !== undefined) output.setRevision(result.revision);
    onOpened(session, output);
    return { body, status: 200, isOpen: true, session };
  };

  return async (arrival, message, types) => {
    const { request, server, keepOpen } = arrival;
    const { heartbeatMs, stalledWriteMs } = server.timeouts;
    const { signal } = request;
    const rawId = message.message.kind === "request" ? message.message.rawId : "null";
    // npx may download for minutes before the first answer.
    keepOpen();
    const id = createSessionId();
    const takesStream = types.stream;
    const { sink, reply, left } = createExchange({ rawId, heartbeatMs, stalledWriteMs, signal, takesStream });
    const opening = open(arrival, message, id, left);
    let failure: unknown;
    opening.then(
      ({ body }) => sink.answer(body),
      (error: unknown) => {
        failure = error;
        sink.fail(error instanceof ProxyError ? error : new ProxyError("internal_error", { cause: error }));
      },
    );
    const answer = await reply.catch((error: unknown) => {
      throw failure ?? error;
    });
    const withSession = { ...arrival.fields, "mcp-session-id": id };
    if (answer.kind === "stream") {
      return {
        response: new Response(answer.body, { headers: { ...withSession, ...STREAM_FIELDS } }),
        session: "opening",
      };
    }
    const { body, status, isOpen, session } = await opening;
    return { response: bodyAnswer(body, status, types, isOpen ? withSession : arrival.fields), session: session.name };
  };
}

function bodyAnswer(body: Buffer, status: number, types: AnswerTypes, fields: Fields): Response {
  if (!types.json && status === 200) return asEventStream(body, fields);
  // No time limit is left on this connection: it must not outlive its answer.
  const headers = { ...fields, "content-type": "application/json", connection: "close" };
  return new Response(body, { status, headers });
}
