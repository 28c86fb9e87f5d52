import { ProxyError } from "../base/errors.ts";
import { messageFrames } from "../wire/event-stream.ts";
import { accepts } from "./content-type.ts";
import type { Fields } from "./request.ts";
import { STREAM_FIELDS } from "./stream-fields.ts";

/** The forms of an answer that a POST's client takes. One of them at least. */
export interface AnswerTypes {
  /** One JSON body. */
  readonly json: boolean;
  /** An event stream, on which other messages and heartbeats may come before the answer. */
  readonly stream: boolean;
}

/** What nearly every client takes, and what the specification asks of all of them. */
export const BOTH_TYPES: AnswerTypes = { json: true, stream: true };

/** For an answer that nothing may come with. */
export const JSON_ALONE: AnswerTypes = { json: true, stream: false };

/**
 * Reads the Accept fields of POSTs. MCP asks clients to take both forms; many take one, or a range, and are answered in
 * what they take. @throws ProxyError not_acceptable when it is neither.
 */
export function createAcceptReader(): (accept: string | null) => AnswerTypes {
  // Nearly every request has the same Accept as the one before it.
  let last: { readonly accept: string | null; readonly types: AnswerTypes } | undefined;
  return (accept) => {
    if (last !== undefined && accept === last.accept) return last.types;
    const types = { json: accepts(accept, "application", "json"), stream: accepts(accept, "text", "event-stream") };
    if (!(types.json || types.stream)) {
      throw new ProxyError("not_acceptable", {
        message: "This URL answers with application/json or text/event-stream: allow one of them, or both, in Accept.",
      });
    }
    last = { accept, types: types.json && types.stream ? BOTH_TYPES : types };
    return last.types;
  };
}

/** An answer for a client that takes event streams alone: a stream that has said all it will say. */
export function asEventStream(line: Buffer, fields: Fields): Response {
  return new Response(messageFrames([line]), { headers: { ...fields, ...STREAM_FIELDS } });
}
