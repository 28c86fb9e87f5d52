import { ProxyError } from "../base/errors.ts";
import type { RawMessage } from "../link/link.ts";
import type { Call } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import type { Round } from "./round.ts";

export interface ModernServerCallOptions {
  readonly lease: Lease;
  /** Whether nobody else uses the child meanwhile: its log messages are about this call. */
  readonly isAlone: boolean;
  readonly round: Round;
  /** Has no answer for as long as somebody listens: `subscriptions/listen`. */
  readonly isEndless: boolean;
  readonly onEnd: () => void;
}

/** A modern client's call of a modern child: passed through, on ids of the link's own. */
export function createModernServerCall({ lease, isAlone, round, isEndless, onEnd }: ModernServerCallOptions): {
  readonly start: () => void;
  readonly leave: () => void;
} {
  const { line, method, sink } = round;
  let call: Call | undefined;
  let isOver = false;

  const finish = () => {
    if (isOver) return;
    isOver = true;
    lease.release();
    onEnd();
  };

  const notify = (notification: Buffer): Promise<void> | undefined => {
    // Others must not wait for a client that is slow; the child of one alone may.
    if (!isAlone && sink.isSlow()) {
      if (isEndless) sink.cut();
      return undefined;
    }
    const sent = sink.notify(notification);
    return isAlone ? sent : undefined;
  };

  const onNotification = ({ line: notification, message }: RawMessage): Promise<void> | undefined => {
    // It tells of a subscription that ended before, which was never this client's.
    const isCancellation = message.kind === "notification" && message.method === "notifications/cancelled";
    return isCancellation ? undefined : notify(notification);
  };

  return {
    start: () => {
      if (isAlone) lease.listen({ onNotification, onRequest: () => undefined });
      try {
        call = lease.link.call(
          { line, method, isEndless },
          {
            onNotification: notify,
            onAnswer: (answer) => {
              sink.answer(answer);
              finish();
              return undefined;
            },
            onFailure: (error) => {
              // The subscription ends with its child; there is nothing that an answer could say.
              if (isEndless) sink.cut();
              else sink.fail(error);
              // It may still be at work on what took too long.
              if (isAlone) lease.retire();
              finish();
            },
          },
        );
      } catch (error) {
        finish();
        if (!(error instanceof ProxyError)) throw error;
        sink.fail(error);
      }
    },
    leave: () => {
      if (isOver) return;
      // It may go on talking about it: that must not reach whoever has it alone next.
      if (isAlone) lease.retire();
      call?.cancel("the client closed its stream");
      finish();
    },
  };
}
