import { type AnswerTypes, asEventStream } from "../answer-types.ts";
import type { TransportAnswer, TransportRequest } from "../request.ts";
import { STREAM_FIELDS } from "../stream-fields.ts";
import type { StatelessReply } from "./exchange.ts";

export interface ReplyOptions {
  readonly arrival: TransportRequest;
  readonly types: AnswerTypes;
  /** The HTTP status of an answer without a stream, by its body. */
  readonly statusOf: (body: Buffer) => number;
  /** The log's name for what has no session. */
  readonly name: string;
}

/** Answers a request that belongs to no session. @throws what `reply` rejects with. */
export async function answerWith(reply: Promise<StatelessReply>, options: ReplyOptions): Promise<TransportAnswer> {
  const { arrival, types, statusOf, name } = options;
  const { fields, keepOpen } = arrival;
  const answer = await reply;
  if (answer.kind === "stream") {
    keepOpen();
    return { response: new Response(answer.body, { headers: { ...fields, ...STREAM_FIELDS } }), session: name };
  }
  const { body } = answer;
  const status = statusOf(body);
  if (!types.json && status === 200) return { response: asEventStream(body, fields), session: name };
  return {
    response: new Response(body, { status, headers: { ...fields, "content-type": "application/json" } }),
    session: name,
  };
}
