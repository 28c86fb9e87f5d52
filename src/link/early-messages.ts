import type { RawMessage } from "./link.ts";

/** Messages of a child that are kept until somebody hears it; what a server wants to know on being initialised comes early. */
const MAX_EARLY = 32;

/** What a child says before anybody hears it. */
export interface EarlyMessages {
  readonly keep: (message: RawMessage) => undefined;
  /** What was kept, in order; nothing is left. */
  readonly take: () => readonly RawMessage[];
}

/** @param write writes an answer to the child: of what cannot be kept, a request must not wait for ever. */
export function createEarlyMessages(write: (line: Buffer) => void): EarlyMessages {
  const early: RawMessage[] = [];
  return {
    keep: ({ line, message }) => {
      if (message.kind === "request" && message.method === "ping") {
        // It may wait for this before it answers `initialize`.
        write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":{}}`));
      } else if (early.length < MAX_EARLY) {
        early.push({ line: Buffer.from(line), message });
      } else if (message.kind === "request") {
        const error = '{"code":-32603,"message":"Too many requests before the first answer."}';
        write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"error":${error}}`));
      }
      return undefined;
    },
    take: () => early.splice(0),
  };
}
