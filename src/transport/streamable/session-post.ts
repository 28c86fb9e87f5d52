import { ERRORS, ProxyError } from "../../base/errors.ts";
import type { RawMessage } from "../../link/link.ts";
import type { Session } from "../../session/session.ts";
import { errorAnswer, type IdKey } from "../../wire/message.ts";
import { type AnswerTypes, asEventStream } from "../answer-types.ts";
import type { ClientStream } from "../client-stream.ts";
import type { Fields, TransportAnswer, TransportRequest } from "../request.ts";
import { STREAM_FIELDS } from "../stream-fields.ts";
import type { StreamableOutput } from "./output.ts";
import type { Reply } from "./post-exchanges.ts";

/** A session and its output. */
export interface FoundSession {
  readonly session: Session;
  readonly output: StreamableOutput;
}

/** Passes the messages of one POST on to their session, and answers it: by JSON, by an event stream, or by 202. @throws ProxyError. */
export type SessionPost = (
  arrival: TransportRequest,
  found: FoundSession,
  messages: readonly RawMessage[],
  types: AnswerTypes,
) => TransportAnswer | Promise<TransportAnswer>;

export function createSessionPost(): SessionPost {
  /** Callers that are alike have the same fields object: the headers of their answers are made once. */
  const inits = new WeakMap<Fields, ResponseInit>();
  const jsonInit = (fields: Fields): ResponseInit => {
    const known = inits.get(fields);
    if (known !== undefined) return known;
    const init = { headers: new Headers({ ...fields, "content-type": "application/json" }) };
    inits.set(fields, init);
    return init;
  };

  // No async function: it would cost a message half a microsecond.
  return (arrival, found, messages, types) => {
    const { session, output } = found;
    const { fields } = arrival;
    const requests = requestsOf(messages);
    if (requests === 0) {
      for (const message of messages) session.receive(message);
      return { response: new Response(null, { status: 202, headers: fields }), session: session.name };
    }
    // A batch is refused whole or passed on whole: half of its answers would belong to nobody.
    session.requireRoom(requests);
    const reply = passOn(session, output, messages, types);
    return reply.then((answer) => {
      if (answer.kind === "stream") return streamAnswer(arrival, found, answer.stream);
      if (answer.kind === "none")
        return { response: new Response(null, { status: 202, headers: fields }), session: session.name };
      const { body } = answer;
      const response = types.json ? new Response(body, jsonInit(fields)) : asEventStream(body, fields);
      return { response, session: session.name };
    });
  };
}

/** Answers with an event stream, and lets go of the connection when the client does. */
export function streamAnswer(
  { request, fields, keepOpen }: TransportRequest,
  { session, output }: FoundSession,
  stream: ClientStream,
): TransportAnswer {
  keepOpen();
  const leave = () => output.disconnect(stream);
  if (request.signal.aborted) leave();
  else request.signal.addEventListener("abort", leave, { once: true });
  return { response: new Response(stream.body, { headers: { ...fields, ...STREAM_FIELDS } }), session: session.name };
}

/**
 * Passes messages on, and waits for the answers. What fails before anything has reached the child is refused as a whole;
 * afterwards only the requests that could not be passed on are answered with the reason.
 */
function passOn(
  session: Session,
  output: StreamableOutput,
  messages: readonly RawMessage[],
  types: AnswerTypes,
): Promise<Reply> {
  const keys: IdKey[] = [];
  const refused: { readonly key: IdKey; readonly answer: string }[] = [];
  for (const [index, message] of messages.entries()) {
    try {
      const key = session.receive(message);
      if (key !== undefined) keys.push(key);
    } catch (error) {
      if (index === 0 || !(error instanceof ProxyError)) throw error;
      const { code } = error;
      for (const { message: left } of messages.slice(index)) {
        if (left.kind !== "request") continue;
        // No key of a request is like this.
        const key = `refused ${refused.length}`;
        refused.push({ key, answer: errorAnswer(left.rawId, ERRORS[code].rpc, error.message, { code }) });
        keys.push(key);
      }
      break;
    }
  }
  const reply = output.expect(keys, types);
  for (const { key, answer } of refused) output.answer(key, answer);
  return reply;
}

function requestsOf(messages: readonly RawMessage[]): number {
  let count = 0;
  for (const { message } of messages) if (message.kind === "request") count++;
  return count;
}
