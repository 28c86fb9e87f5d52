import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Admission } from "./admission.ts";
import { type Child, type ChildHost, startChild } from "./child.ts";
import type { Server } from "./server.ts";
import { StartFailure } from "./start-failure.ts";

/** Nobody waits longer than this for a turn to start a child: intermediaries give up on a silent answer after a minute. */
const LONGEST_QUEUE_MS = 30_000;

export interface StarterOptions {
  readonly admission: Admission;
  readonly host: ChildHost;
  readonly log: Logger;
}

export interface StartRequest {
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
  /** Aborted when nobody waits for the child any more: a start that has not begun is dropped. One that has is the caller's to end. */
  readonly signal: AbortSignal;
}

/** A child that has just been started. */
export interface StartedChild {
  readonly child: Child;
  /** What the log and the child's marker call it; unique within the instance. */
  readonly name: string;
  /** The start is over, by the first answer, an end or a deadline: the next child may start. May be called again. */
  readonly onStarted: () => void;
}

/** Starts children, a few at once. */
export interface Starter {
  /** @throws ProxyError start_queue_full, child_start_failed, host_exhausted, draining, client_left (nobody waits). */
  readonly start: (request: StartRequest) => Promise<StartedChild>;
  /** Cancels the starts that wait; no more from now on. */
  readonly drain: () => void;
  readonly isDraining: () => boolean;
}

export function createStarter({ admission, host, log }: StarterOptions): Starter {
  const drained = new AbortController();
  let started = 0;

  const cancelled = () =>
    drained.signal.aborted ? new ProxyError("draining", { retryAfterSeconds: 10 }) : new ProxyError("client_left");

  const takeTurn = async (server: Server, signal: AbortSignal): Promise<() => void> => {
    const { startMs } = server.timeouts;
    const turn = await admission.enter(startMs > 0 ? Math.min(startMs, LONGEST_QUEUE_MS) : LONGEST_QUEUE_MS, signal);
    if (turn === "timeout") throw new ProxyError("start_queue_full", { retryAfterSeconds: 10 });
    if (turn === "cancelled") throw cancelled();
    return turn;
  };

  const spawn = async ({ server, variables }: StartRequest, name: string): Promise<Child> => {
    try {
      const child = await startChild(host, { server, name, variables });
      if (!drained.signal.aborted) return child;
      await child.stop();
    } catch (error) {
      if (!(error instanceof StartFailure)) throw error;
      log.error({ server: server.name, reason: error.message }, "child could not be started");
      if (error.isExhaustion) throw new ProxyError("host_exhausted", { retryAfterSeconds: 10 });
      throw new ProxyError("child_start_failed", { message: `The server could not be started: ${error.message}.` });
    }
    throw cancelled();
  };

  return {
    start: async (request) => {
      const signal = AbortSignal.any([request.signal, drained.signal]);
      if (drained.signal.aborted) throw cancelled();
      const endTurn = await takeTurn(request.server, signal);
      try {
        const name = String(++started);
        return { child: await spawn(request, name), name, onStarted: endTurn };
      } catch (error) {
        endTurn();
        throw error;
      }
    },
    drain: () => drained.abort(),
    isDraining: () => drained.signal.aborted,
  };
}
