import { ProxyError } from "../base/errors.ts";
import type { Server } from "../process/server.ts";
import type { Session } from "./session.ts";

/** A client that has just opened its session may be about to use it: so long it is left alone. */
const LEAST_IDLE_MS = 1_000;

/** Others may be quicker to take the room that was made. */
const MAX_TRIES = 8;

/** What of a session decides whether it makes room. */
export type Evictable = Pick<Session, "server" | "idleSince" | "end" | "gone">;

/**
 * Takes a place by `take`, which throws session_limit or server_session_limit when there is none. Then the session idle for
 * longest ends, of the server or of all, that has no stream, no request in flight and no subscription: many clients never say
 * that they are done. Waits until its child is gone, and, for one that was used a moment ago, until that moment is over.
 *
 * @throws ProxyError what `take` throws, when nobody can make room.
 */
export async function takeWithRoom<T>(
  sessions: { readonly values: () => Iterable<Evictable> },
  server: Server,
  take: () => T,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return take();
    } catch (error) {
      const candidates = tries < MAX_TRIES ? candidatesFor(error, sessions.values(), server) : [];
      const idlest = longestIdle(candidates);
      if (idlest === undefined) throw error;
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

function candidatesFor(error: unknown, sessions: Iterable<Evictable>, server: Server): readonly Evictable[] {
  if (!(error instanceof ProxyError)) return [];
  if (error.code === "session_limit") return [...sessions];
  return error.code === "server_session_limit" ? [...sessions].filter((session) => session.server === server) : [];
}

function longestIdle(sessions: readonly Evictable[]): { session: Evictable; since: number } | undefined {
  let found: { session: Evictable; since: number } | undefined;
  for (const session of sessions) {
    const since = session.idleSince();
    if (since !== undefined && (found === undefined || since < found.since)) found = { session, since };
  }
  return found;
}
