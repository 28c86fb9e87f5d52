import { ERRORS } from "../base/errors.ts";
import type { Link, RawMessage } from "../link/link.ts";
import { errorAnswer, type IdKey } from "../wire/message.ts";
import type { Ending } from "./child-end.ts";
import type { SessionOutput } from "./output.ts";
import type { PendingRequest } from "./pending.ts";
import type { Question } from "./questions.ts";

export interface OverdueOptions {
  /** Sends a message to the child, as the client would. */
  readonly send: Link["send"];
  readonly output: Pick<SessionOutput, "answer" | "deliver">;
  /** What a request may take, in milliseconds: for the text alone. */
  readonly requestMs: number;
}

/** What either side of a session is told when the other lets it wait for too long. */
export interface Overdue {
  /** The client gets an error, and the child need not go on. */
  readonly onOverdue: (requests: readonly PendingRequest[]) => void;
  /** The child must not wait for ever for a client that does not answer, and the client need not ask anybody any more. */
  readonly onUnanswered: (questions: readonly Question[]) => void;
  /** Answers a question of the child in the client's place. */
  readonly answerChild: (line: string, id: IdKey) => void;
}

export function createOverdue({ send, output, requestMs }: OverdueOptions): Overdue {
  const answerChild = (line: string, id: IdKey) =>
    void send({ line: Buffer.from(line), message: { kind: "response", id } });
  return {
    onOverdue: (requests) => {
      for (const request of requests) {
        const { rawId, method } = request;
        const message = `The server did not answer ${JSON.stringify(method)} within ${requestMs} ms.`;
        answerWithError(output, request, { code: "child_timeout", message, data: {} });
        // MCP: the initialize request must not be cancelled.
        if (method !== "initialize") send(cancellation(rawId));
      }
    },
    onUnanswered: (questions) => {
      for (const { id, rawId, method } of questions) {
        answerChild(errorAnswer(rawId, -32001, `The client did not answer ${JSON.stringify(method)} in time.`, {}), id);
        if (method !== "ping") void output.deliver([{ ...cancellation(rawId), about: undefined }]);
      }
    },
    answerChild,
  };
}

/** Answers a request of the client's in the child's place, under the id that the client has for it. */
export function answerWithError(
  output: Pick<SessionOutput, "answer">,
  { id, clientRawId }: PendingRequest,
  { code, message, data }: Omit<Ending, "reason">,
): void {
  output.answer(id, errorAnswer(clientRawId, ERRORS[code].rpc, message, { code, ...data }));
}

function cancellation(rawId: string): RawMessage {
  const params = `{"requestId":${rawId},"reason":"timed out"}`;
  return {
    line: Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`),
    message: { kind: "notification", method: "notifications/cancelled" },
  };
}
