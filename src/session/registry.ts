import { setImmediate } from "node:timers/promises";
import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import type { LinkOpener } from "../bridge/open-link.ts";
import type { RawMessage } from "../link/link.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { EndReason } from "./endings.ts";
import { takeWithRoom } from "./eviction.ts";
import type { SessionOutput } from "./output.ts";
import { createSession, createSessionId, type Session, type Transport } from "./session.ts";

export interface OpenOptions {
  readonly server: Server;
  readonly principal: Principal;
  /** The client's address, for the log. */
  readonly client: string;
  readonly transport: Transport;
  readonly variables: ReadonlyMap<string, string>;
  /** The message that the client opens it with, where it has come already. It is still to be given to the session. */
  readonly first?: RawMessage;
  /** Aborted when the client leaves: a start that has not begun is dropped. */
  readonly signal: AbortSignal;
  /** The session's id, where its client has been told already; by default a new one. */
  readonly id?: string;
  /** Makes the session's way to the client, once its id is known. */
  readonly createOutput: (id: string) => SessionOutput;
}

export interface RegistryOptions {
  /** Sessions in all; 0: any number. */
  readonly maxSessions: number;
  /** What `links` starts children with: a shutdown cancels its starts. */
  readonly starter: Starter;
  readonly links: LinkOpener;
  readonly log: Logger;
}

/** All sessions of the instance. */
export interface Registry {
  /**
   * Opens a session.
   * @throws ProxyError draining, session_limit, server_session_limit, crash_loop, start_queue_full, child_start_failed.
   */
  readonly open: (options: OpenOptions) => Promise<Session>;
  /** Finds a session for one who may use it. The same undefined for one that is not there and one of somebody else. */
  readonly find: (id: string, server: Server, principal: Principal, transport: Transport) => Session | undefined;
  /** Live sessions of a server, those included whose child is still being stopped. */
  readonly count: (server: Server) => number;
  readonly size: () => number;
  /** Requests of clients that no child has answered yet. */
  readonly inFlight: () => number;
  /** No new sessions from now on. */
  readonly drain: () => void;
  readonly isDraining: () => boolean;
  /** Ends all sessions; resolves when no child is left. */
  readonly endAll: (reason: EndReason) => Promise<void>;
}

export function createRegistry({ maxSessions, starter, links, log }: RegistryOptions): Registry {
  const sessions = new Map<string, Session>();
  /** Reserved places: a session takes one before its child starts, and gives it back when its child is gone. */
  const places = new Map<Server, number>();
  /** Starts under way, and sessions whose child is being stopped: what a shutdown waits for. */
  const unsettled = new Set<Promise<void>>();
  let taken = 0;
  let draining = false;

  /** @param isAwaited a start of the caller's own has a place, and gives it back when the session takes it up. */
  const takePlace = (server: Server, isAwaited: boolean): (() => void) => {
    if (draining) throw new ProxyError("draining", { retryAfterSeconds: 10 });
    if (!isAwaited && maxSessions > 0 && taken >= maxSessions)
      throw new ProxyError("session_limit", { retryAfterSeconds: 30 });
    const ofServer = places.get(server) ?? 0;
    const { sessionsPerServer } = server.limits;
    if (!isAwaited && sessionsPerServer > 0 && ofServer >= sessionsPerServer) {
      throw new ProxyError("server_session_limit", { retryAfterSeconds: 30 });
    }
    taken++;
    places.set(server, ofServer + 1);
    return () => {
      taken--;
      const left = (places.get(server) ?? 1) - 1;
      if (left === 0) places.delete(server);
      else places.set(server, left);
    };
  };

  const endOldestStart = (of: Server | undefined): Promise<void> | undefined =>
    // The session that it was started for is told next, and gives back the place.
    links.endOldest(of)?.then(() => setImmediate());

  const openSession = async (options: OpenOptions): Promise<Session> => {
    const { server, principal, transport, variables, createOutput } = options;
    const isAwaited = links.isAwaited(options);
    const leavePlace = await takeWithRoom({ sessions, endOldestStart }, server, () => takePlace(server, isAwaited));
    try {
      const { name, connect } = await links.open(options);
      const id = options.id ?? createSessionId();
      const session = createSession({
        id,
        name,
        server,
        principal,
        client: options.client,
        transport,
        connect,
        variableNames: [...variables.keys()],
        output: createOutput(id),
        log,
        isDraining: () => draining,
        onEnd: () => {
          sessions.delete(id);
          settleLater(session.gone.then(leavePlace));
        },
      });
      sessions.set(id, session);
      return session;
    } catch (error) {
      leavePlace();
      throw error;
    }
  };

  const settleLater = (work: Promise<unknown>) => {
    const settled = work.then(
      () => void unsettled.delete(settled),
      () => void unsettled.delete(settled),
    );
    unsettled.add(settled);
  };

  const drain = () => {
    draining = true;
    starter.drain();
    links.close();
  };

  return {
    open: (options) => {
      const opening = openSession(options);
      settleLater(opening);
      return opening;
    },
    find: (id, server, principal, transport) => {
      const session = sessions.get(id);
      if (session === undefined || session.server !== server || session.transport !== transport) return undefined;
      return session.principal.id === principal.id ? session : undefined;
    },
    count: (server) => places.get(server) ?? 0,
    size: () => taken,
    inFlight: () => {
      let sum = 0;
      for (const session of sessions.values()) sum += session.inFlight();
      return sum;
    },
    drain,
    isDraining: () => draining,
    endAll: async (reason) => {
      drain();
      for (const session of [...sessions.values()]) session.end(reason);
      while (unsettled.size > 0) await Promise.all(unsettled);
    },
  };
}
