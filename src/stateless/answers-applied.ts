import { ProxyError } from "../base/errors.ts";
import type { SharedLink } from "../link/shared.ts";

/** The least time that a server has to make use of an answer, from when it has read it. */
const LEAST_MS = 25;
/** A server that takes long for a ping takes so many times as long for what it has to look up. */
const PER_PING = 4;
const MOST_MS = 1_000;

/**
 * Waits until a server has had time to make use of what it was last told: server-filesystem looks its client's roots up on disk, and
 * refuses what is called before it has. MCP says nothing of when that is done. A ping's answer says that the server has read them; a
 * second one, some time later, that it was not stopped meanwhile.
 * @param then called once, unless the wait is given up or `onFailure` is called.
 * @returns gives the wait up.
 */
export function waitUntilUsed(link: SharedLink, then: () => void, onFailure: (error: ProxyError) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const ping = (onAnswer: () => void) => {
    const events = {
      onNotification: () => undefined,
      onAnswer: () => {
        if (!isOver) onAnswer();
        return undefined;
      },
      onFailure: (error: ProxyError) => {
        if (!isOver) onFailure(error);
      },
    };
    try {
      link.call({ line: Buffer.from('{"jsonrpc":"2.0","id":0,"method":"ping"}'), method: "ping" }, events);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      // Whoever waits has been told of the wait first.
      queueMicrotask(() => events.onFailure(error));
    }
  };
  const sentAt = performance.now();
  ping(() => {
    const waitMs = Math.min(MOST_MS, Math.max(LEAST_MS, PER_PING * (performance.now() - sentAt)));
    // What the server says along with its second answer is heard before anybody goes on.
    const afterwards = () => {
      timer = setTimeout(then, 0);
    };
    timer = setTimeout(() => ping(afterwards), waitMs);
  });
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
