import { forNextRound, isWanted } from "../bridge/messages/rounds.ts";
import type { RawMessage } from "../link/link.ts";
import type { CallState } from "./call-state.ts";
import { createKeptMessages } from "./kept-messages.ts";
import type { Round } from "./round.ts";

/** What a legacy child says of a call, on its way to the client: kept while that is away to answer. */
export interface ClientRelay {
  /** Tells the client, as far as it keeps up. The promise is pending while the child has to wait for it. */
  readonly pass: (raw: RawMessage, state: CallState) => Promise<void> | undefined;
  /** The same for a log message that the client's request wants, and for nothing else. */
  readonly passLog: (raw: RawMessage, state: CallState) => Promise<void> | undefined;
  /** The client is back: it is told what it has missed, as its new request wants it. */
  readonly catchUp: (next: Round) => void;
}

/**
 * @param isAlone whether nobody else uses the child: it may wait for a client that is slow.
 * @param keptBytes what is kept for a client that is away; 0: any number of bytes.
 */
export function createClientRelay(isAlone: boolean, keptBytes: number): ClientRelay {
  const kept = createKeptMessages(keptBytes);

  const pass = (raw: RawMessage, state: CallState): Promise<void> | undefined => {
    if (state.kind === "parked") kept.add(raw);
    if (!("round" in state)) return undefined;
    const { sink } = state.round;
    // Others must not wait for this client.
    if (!isAlone && sink.isSlow()) return undefined;
    const sent = sink.notify(raw.line);
    return isAlone ? sent : undefined;
  };

  return {
    pass,
    passLog: (raw, state) => ("round" in state && !isWanted(raw, state.round.envelope) ? undefined : pass(raw, state)),
    catchUp: ({ line, envelope, sink }) => {
      for (const raw of kept.take()) {
        const told = forNextRound(raw, line, envelope);
        if (told !== undefined) void sink.notify(told);
      }
    },
  };
}
