import type { RawMessage } from "../link/link.ts";

/** Messages of one client that may be held; tiny ones cost more than their bytes. */
const MAX_MESSAGES = 1_024;

/** A client's messages that wait until it is known where they go. */
export interface HeldMessages {
  /** @returns false when there is no room: the message was not taken. */
  readonly add: (message: RawMessage) => boolean;
  /** Empties it; in the order in which they came. */
  readonly take: () => readonly RawMessage[];
}

/** @param maxBytes what all of them together may have; 0: no bound but their number. */
export function createHeldMessages(maxBytes: number): HeldMessages {
  let messages: RawMessage[] = [];
  let bytes = 0;
  return {
    add: (message) => {
      const { length } = message.line;
      if (messages.length >= MAX_MESSAGES || (maxBytes > 0 && messages.length > 0 && bytes + length > maxBytes))
        return false;
      messages.push(message);
      bytes += length;
      return true;
    },
    take: () => {
      const taken = messages;
      messages = [];
      bytes = 0;
      return taken;
    },
  };
}
