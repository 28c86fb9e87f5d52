import type { RawMessage } from "../link/link.ts";
import type { Child } from "../process/child.ts";

/** Messages of a child that are kept until a session is there to hear them. */
const MAX_EARLY = 32;

/** What a child says before its first answer, while nobody is there to hear it. */
export interface EarlyMessages {
  /** Keeps a message; a ping is answered at once, and what there is no room for is refused. */
  readonly keep: (message: RawMessage) => void;
  /** Empties it; in the order in which they came. */
  readonly take: () => readonly RawMessage[];
}

export function createEarlyMessages(child: Pick<Child, "write">): EarlyMessages {
  const kept: RawMessage[] = [];
  const answer = (rawId: string, outcome: string) =>
    void child.write(Buffer.from(`{"jsonrpc":"2.0","id":${rawId},${outcome}}`));
  return {
    keep: ({ line, message }) => {
      // It may wait for this before it answers `initialize`.
      if (message.kind === "request" && message.method === "ping") answer(message.rawId, '"result":{}');
      else if (kept.length < MAX_EARLY) kept.push({ line: Buffer.from(line), message });
      else if (message.kind === "request")
        answer(message.rawId, '"error":{"code":-32603,"message":"Too many requests before the first answer."}');
    },
    take: () => kept.splice(0),
  };
}
