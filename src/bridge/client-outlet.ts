import { ERRORS, type ProxyError } from "../base/errors.ts";
import type { LinkEnd, LinkEvents, RawMessage } from "../link/link.ts";
import { errorAnswer } from "../wire/message.ts";
import type { IncomingRequest } from "./server-side.ts";

/** What goes to the client of a bridged session. Nothing does once it has ended or is closed. */
export interface ClientOutlet {
  /** The promise is pending while the client is slow, where its child may wait for it. */
  readonly deliver: (message: RawMessage) => Promise<void> | undefined;
  /** From now on the child is the session's own: it may wait for the client. */
  readonly setOwn: () => void;
  /** Answers a request, with `"result":…` or `"error":…` as JSON text. */
  readonly respond: (request: IncomingRequest, outcome: string) => void;
  readonly refuse: (request: IncomingRequest, error: ProxyError) => void;
  /** Ends the session. */
  readonly end: (end: LinkEnd) => void;
  readonly close: () => void;
  readonly isOver: () => boolean;
}

/** @param outboxBytes what may wait for a slow client whose child others use, too; 0: no bound. */
export function createClientOutlet(events: LinkEvents, outboxBytes: number): ClientOutlet {
  let isOver = false;
  let isOwn = false;
  let pendingBytes = 0;

  const end = (reason: LinkEnd) => {
    if (isOver) return;
    isOver = true;
    events.onEnd(reason);
  };

  const deliver = (message: RawMessage): Promise<void> | undefined => {
    if (isOver) return undefined;
    const sent = events.onMessages([message]);
    if (sent === undefined || isOwn) return sent;
    // The others that use the child do not wait for this client.
    const bytes = message.line.length;
    if (outboxBytes > 0 && pendingBytes > outboxBytes) {
      end({ kind: "stalled" });
      return undefined;
    }
    pendingBytes += bytes;
    void sent.then(() => {
      pendingBytes -= bytes;
    });
    return undefined;
  };

  return {
    deliver,
    setOwn: () => {
      isOwn = true;
    },
    respond: ({ id, rawId }, outcome) => {
      const line = Buffer.from(`{"jsonrpc":"2.0","id":${rawId},${outcome}}`);
      void deliver({ line, message: { kind: "response", id } });
    },
    refuse: ({ id, rawId }, { code, message, data }) => {
      const line = Buffer.from(errorAnswer(rawId, ERRORS[code].rpc, message, { code, ...data }));
      void deliver({ line, message: { kind: "response", id } });
    },
    end,
    close: () => {
      isOver = true;
    },
    isOver: () => isOver,
  };
}
