import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Admission } from "../process/admission.ts";
import { type Child, type ChildHost, StartFailure, startChild } from "../process/child.ts";
import type { Server } from "../process/server.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createCrashBackoff } from "./crash-backoff.ts";
import type { SessionOutput } from "./output.ts";
import type { Principal } from "./principal.ts";
import { createSession, type EndReason, type Session, type Transport } from "./session.ts";

/** Nobody waits longer than this for a turn to start a child: intermediaries give up on a silent answer after a minute. */
const LONGEST_QUEUE_MS = 30_000;

/** A start without any output keeps its turn no longer: a server that waits for its client is as good as started. */
const TURN_MS = 1_000;

/** 24 bytes of the system's random generator: an id that nobody guesses. */
const ID_BYTES = 24;

export interface OpenOptions {
  readonly server: Server;
  readonly principal: Principal;
  /** The client's address, for the log. */
  readonly client: string;
  readonly transport: Transport;
  readonly variables: ReadonlyMap<string, string>;
  /** Aborted when the client leaves: a start that nobody waits for is cancelled. */
  readonly signal: AbortSignal;
  /** Makes the session's way to the client, once its id is known. */
  readonly createOutput: (id: string) => SessionOutput;
}

export interface RegistryOptions {
  /** Sessions in all; 0: any number. */
  readonly maxSessions: number;
  readonly admission: Admission;
  readonly host: ChildHost;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/** All sessions of the instance. */
export interface Registry {
  /**
   * Opens a session with a child of its own.
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

export function createRegistry({ maxSessions, admission, host, scan, log }: RegistryOptions): Registry {
  const sessions = new Map<string, Session>();
  /** Reserved places: a session takes one before its child starts, and gives it back when its child is gone. */
  const places = new Map<Server, number>();
  /** Starts under way, and sessions whose child is being stopped: what a shutdown waits for. */
  const unsettled = new Set<Promise<void>>();
  const drained = new AbortController();
  const backoff = createCrashBackoff();
  let taken = 0;
  let started = 0;
  let draining = false;

  const takePlace = (server: Server): (() => void) => {
    if (draining) throw new ProxyError("draining", { retryAfterSeconds: 10 });
    if (maxSessions > 0 && taken >= maxSessions) throw new ProxyError("session_limit", { retryAfterSeconds: 30 });
    const ofServer = places.get(server) ?? 0;
    const { sessionsPerServer } = server.limits;
    if (sessionsPerServer > 0 && ofServer >= sessionsPerServer) {
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

  const cancelled = () =>
    draining
      ? new ProxyError("draining", { retryAfterSeconds: 10 })
      : new ProxyError("session_not_found", { message: "The client left." });

  const takeTurn = async (server: Server, signal: AbortSignal): Promise<() => void> => {
    const { startMs } = server.timeouts;
    const turn = await admission.enter(startMs > 0 ? Math.min(startMs, LONGEST_QUEUE_MS) : LONGEST_QUEUE_MS, signal);
    if (turn === "timeout") throw new ProxyError("start_queue_full", { retryAfterSeconds: 10 });
    if (turn === "cancelled") throw cancelled();
    return turn;
  };

  const start = async (options: OpenOptions, name: string): Promise<Child> => {
    const { server, variables, signal } = options;
    try {
      const child = await startChild(host, { server, name, variables });
      if (!signal.aborted) return child;
      await child.stop();
    } catch (error) {
      if (!(error instanceof StartFailure)) throw error;
      log.error({ server: server.name, reason: error.message }, "child could not be started");
      if (error.isExhaustion) throw new ProxyError("host_exhausted", { retryAfterSeconds: 10 });
      throw new ProxyError("child_start_failed", { message: `The server could not be started: ${error.message}.` });
    }
    throw cancelled();
  };

  const openSession = async (options: OpenOptions): Promise<Session> => {
    const { server, principal, transport, variables, createOutput } = options;
    const signal = AbortSignal.any([options.signal, drained.signal]);
    const crashKey = callerKey(server, principal, variables);
    const restMs = backoff.waitMs(crashKey);
    if (restMs > 0) throw new ProxyError("crash_loop", { retryAfterSeconds: Math.ceil(restMs / 1000) });
    const leavePlace = takePlace(server);
    let endTurn: (() => void) | undefined;
    try {
      endTurn = await takeTurn(server, signal);
      const name = String(++started);
      const child = await start({ ...options, signal }, name);
      const turnTimer = setTimeout(endTurn, TURN_MS);
      const onStarted = () => {
        clearTimeout(turnTimer);
        endTurn?.();
      };
      const id = Buffer.from(crypto.getRandomValues(new Uint8Array(ID_BYTES))).toString("base64url");
      const session = createSession({
        id,
        name,
        server,
        principal,
        client: options.client,
        transport,
        child,
        variableNames: [...variables.keys()],
        output: createOutput(id),
        scan,
        log,
        isDraining: () => draining,
        onStarted,
        onEnd: (reason, answered) => {
          sessions.delete(id);
          if (reason === "child-exited" && !answered) backoff.crashed(crashKey);
          else if (answered) backoff.worked(crashKey);
          settleLater(session.gone.then(leavePlace));
        },
      });
      sessions.set(id, session);
      return session;
    } catch (error) {
      endTurn?.();
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
    drained.abort();
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

/** One caller with one set of variables: somebody else's wrong token must not keep others from starting. */
function callerKey(server: Server, principal: Principal, variables: ReadonlyMap<string, string>): string {
  const sorted = [...variables].sort(([a], [b]) => (a < b ? -1 : 1));
  return Bun.SHA256.hash(JSON.stringify([server.name, principal.id, sorted]), "base64");
}
