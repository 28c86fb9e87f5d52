import { ProxyError } from "../base/errors.ts";
import { setLogLevel } from "../bridge/log-level.ts";
import { toLegacyRequest } from "../bridge/messages/modern-client-legacy-server.ts";
import type { CallEvents } from "../link/call-events.ts";
import type { Call } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import type { Round } from "./round.ts";

/** One call's request at a legacy child: sent once, and answered to whichever of the client's requests is the latest. */
export interface ChildRequest {
  /** Whether the child has it, or had it. */
  readonly hasBegun: () => boolean;
  readonly isAnswered: () => boolean;
  /** Sends it, or lets the child go on with it for another round. Its time runs. A failure is told to `events`. */
  readonly run: (round: Round) => void;
  /** Its time stands still. */
  readonly pause: () => void;
  readonly cancel: (reason: string) => void;
}

export function createChildRequest(lease: Lease, { onNotification, onAnswer, onFailure }: CallEvents): ChildRequest {
  let call: Call | undefined;
  let isAnswered = false;
  const events: CallEvents = {
    onNotification,
    onAnswer: (line) => {
      isAnswered = true;
      return onAnswer(line);
    },
    onFailure,
  };

  const send = ({ line, method, envelope }: Round) => {
    try {
      if (envelope.logLevel !== undefined) setLogLevel(lease, envelope.logLevel);
      call = lease.link.call({ line: toLegacyRequest(line), method }, events);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      onFailure(error);
    }
  };

  return {
    hasBegun: () => call !== undefined,
    isAnswered: () => isAnswered,
    run: (round) => {
      if (call === undefined) send(round);
      else call.resume({ line: round.line, method: round.method }, events);
    },
    pause: () => call?.pause(),
    cancel: (reason) => call?.cancel(reason),
  };
}
