import type { RawMessage } from "../link/link.ts";

/** Messages that are kept for one client; tiny ones cost more than their bytes. */
const MAX_MESSAGES = 64;

/** What a server says while its client is away: the latest of it. */
export interface KeptMessages {
  /** Keeps a copy; the oldest messages make room for it. One that is too large by itself is not kept. */
  readonly add: (message: RawMessage) => void;
  /** Empties it; in the order in which they came. */
  readonly take: () => readonly RawMessage[];
}

/** @param maxBytes what all of them together may have; 0: no bound but their number. */
export function createKeptMessages(maxBytes: number): KeptMessages {
  const messages: RawMessage[] = [];
  let bytes = 0;
  return {
    add: ({ line, message }) => {
      messages.push({ line: Buffer.from(line), message });
      bytes += line.length;
      while (messages.length > MAX_MESSAGES || (maxBytes > 0 && bytes > maxBytes))
        bytes -= messages.shift()?.line.length ?? 0;
    },
    take: () => {
      bytes = 0;
      return messages.splice(0);
    },
  };
}
