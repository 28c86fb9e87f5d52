import { ProxyError } from "../../base/errors.ts";
import type { RawMessage } from "../../link/link.ts";
import type { Sessionless } from "../../stateless/sessionless.ts";
import { ASSUMED_REVISION, isSessionRevision } from "../../wire/revisions.ts";
import type { AnswerTypes } from "../answer-types.ts";
import type { TransportAnswer, TransportRequest } from "../request.ts";
import { underRequest } from "../request-error.ts";
import { createExchanges } from "./exchange.ts";
import { answerWith } from "./reply.ts";
import type { StatelessTransportOptions } from "./stateless.ts";

/** The log's name for what has no session. */
const NO_SESSION = "sessionless";

/** Messages of a revision with sessions that name none. Some clients never send back the session id that they were given. */
export interface SessionlessTransport {
  readonly post: (request: TransportRequest, message: RawMessage, types: AnswerTypes) => Promise<TransportAnswer>;
}

export function createSessionlessTransport(
  sessionless: Sessionless,
  readVariables: StatelessTransportOptions["readVariables"],
): SessionlessTransport {
  const createExchange = createExchanges();

  return {
    post: async (arrival, raw, types) => {
      const { request, server, principal, fields } = arrival;
      const { line, message } = raw;
      const rawId = message.kind === "request" ? message.rawId : undefined;
      try {
        const revision = request.headers.get("mcp-protocol-version") ?? ASSUMED_REVISION;
        if (message.kind === "response" && !isSessionRevision(revision)) throw unaskedAnswer();
        const caller = { server, principal, variables: readVariables(request.headers, server) };
        if (message.kind !== "request") {
          sessionless.notice(caller, raw);
          return { response: new Response(null, { status: 202, headers: fields }), session: NO_SESSION };
        }
        const { heartbeatMs, stalledWriteMs } = server.timeouts;
        const { sink, reply, left } = createExchange({
          rawId: message.rawId,
          heartbeatMs,
          stalledWriteMs,
          signal: request.signal,
          takesStream: types.stream,
        });
        void sessionless.serve({
          ...caller,
          ...message,
          line,
          revision: isSessionRevision(revision) ? revision : ASSUMED_REVISION,
          sink,
          signal: left,
          client: arrival.client,
          admitStart: arrival.admitStart,
        });
        // What a server refuses is an answer like any other, before 2026-07-28.
        return await answerWith(reply, { arrival, types, statusOf: () => 200, name: NO_SESSION });
      } catch (error) {
        throw underRequest(error, rawId);
      }
    },
  };
}

/** From 2026-07-28 on a server asks for nothing that a client would answer by a message of its own (basic/patterns/mrtr). */
function unaskedAnswer(): ProxyError {
  return new ProxyError("invalid_request", {
    message: "Revisions without sessions have no answers of clients: send inputResponses with the request itself.",
  });
}
