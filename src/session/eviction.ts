import { ProxyError } from "../base/errors.ts";
import type { Server } from "../process/server.ts";
import type { Session } from "./session.ts";

/** A client that has just opened its session may be about to use it: so long it is left alone. */
const LEAST_IDLE_MS = 1_000;

/** Others may be quicker to take the room that was made. */
const MAX_TRIES = 8;

/** What of a session decides whether it makes room. */
export type Evictable = Pick<Session, "server" | "idleSince" | "end" | "gone">;

/** Who may make room. */
export interface Occupants {
  readonly sessions: { readonly values: () => Iterable<Evictable> };
  /** Ends the start that has been without a client for longest, of a server or of all. @returns when its place is free; undefined: there is none. */
  readonly endOldestStart: (of: Server | undefined) => Promise<void> | undefined;
}

/**
 * Takes a place by `take`, which throws session_limit or server_session_limit when there is none. Then the session idle for
 * longest ends, of the server or of all, that has no stream, no request in flight and no subscription: many clients never say
 * that they are done. Waits until its child is gone, and, for one that was used a moment ago, until that moment is over. Where
 * there is no such session, the oldest start without a client ends.
 *
 * @throws ProxyError what `take` throws, when nobody can make room.
 */
export async function takeWithRoom<T>(
  { sessions, endOldestStart }: Occupants,
  server: Server,
  take: () => T,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return take();
    } catch (error) {
      if (tries >= MAX_TRIES || !isLimit(error)) throw error;
      const of = error.code === "server_session_limit" ? server : undefined;
      const idlest = longestIdle(sessions.values(), of);
      if (idlest === undefined) {
        const ended = endOldestStart(of);
        if (ended === undefined) throw error;
        await ended;
        continue;
      }
      const { session, since } = idlest;
      const restMs = since + LEAST_IDLE_MS - performance.now();
      if (restMs > 0) {
        await Bun.sleep(restMs);
        continue;
      }
      session.end("evicted");
      await session.gone;
    }
  }
}

function isLimit(error: unknown): error is ProxyError {
  return error instanceof ProxyError && (error.code === "session_limit" || error.code === "server_session_limit");
}

function longestIdle(
  sessions: Iterable<Evictable>,
  of: Server | undefined,
): { session: Evictable; since: number } | undefined {
  let found: { session: Evictable; since: number } | undefined;
  for (const session of sessions) {
    if (of !== undefined && session.server !== of) continue;
    const since = session.idleSince();
    if (since !== undefined && (found === undefined || since < found.since)) found = { session, since };
  }
  return found;
}
