import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EraMemory, KnownEras } from "../link/eras.ts";
import { type HandshakeOutcome, shakeHands } from "../link/handshake.ts";
import { createSharedLink } from "../link/shared.ts";
import type { StartWords } from "../process/child-stderr.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import type { CallerChildrenParts } from "./caller-children.ts";
import type { LeaseRequest } from "./lease.ts";
import type { Places } from "./places.ts";
import { createPooledChild, type PooledChild } from "./pooled-child.ts";
import type { StartTicket } from "./starts.ts";

/** What every try to start a child needs. */
export interface AttemptOptions {
  readonly starter: Starter;
  readonly eras: EraMemory;
  readonly scan: JsonScanner;
  readonly log: Logger;
  readonly places: Places;
  /** The pool is being ended. */
  readonly isClosed: () => boolean;
}

/** One try to start a child. */
export interface Attempt {
  readonly request: LeaseRequest;
  readonly ticket: StartTicket;
  /** What the end of the child before it told. */
  readonly hint: Partial<KnownEras> | undefined;
  /** When the child must be ready, in milliseconds of `performance.now()`; Infinity: whenever it is. */
  readonly deadline: number;
  /** Told what the child has said, when it cannot be used. */
  readonly onUnready: (words: StartWords) => void;
}

/**
 * Takes a place, starts a child and makes it ready.
 *
 * @returns the child, or what has become of one that cannot be used and is being stopped.
 * @throws ProxyError pool_full, draining, client_left (the start is not wanted any more) and whatever a starter throws.
 */
export async function attemptStart(
  { starter, eras, scan, log, places, isClosed }: AttemptOptions,
  { key, server, variables, notifications }: CallerChildrenParts,
  { request, ticket, hint, deadline, onUnready }: Attempt,
): Promise<PooledChild | HandshakeOutcome> {
  const { signal } = ticket;
  const { profile, wanted } = request;
  await places.take(key);
  const started = await starter.start({ server, variables, signal }).catch((error: unknown) => {
    places.giveBack();
    throw error;
  });
  const { child, name, onStarted } = started;
  const context = { child: name, server: server.name, pid: child.pid };
  const { requestMs, probeMs } = server.timeouts;
  const link = createSharedLink({ child, scan, maxLineBytes: server.limits.lineBytes, requestMs, log, context });
  const abandoned = Promise.withResolvers<"abandoned">();
  const abandon = () => abandoned.resolve("abandoned");
  signal.addEventListener("abort", abandon);
  if (signal.aborted) abandon();
  else ticket.onBegun();
  try {
    const known = { ...eras.of(server), ...hint };
    const outcome = await Promise.race([
      shakeHands({ link, profile, wanted, known, probeMs, deadline }),
      abandoned.promise,
    ]);
    if (isClosed()) throw new ProxyError("draining", { retryAfterSeconds: 10 });
    if (outcome === "abandoned") throw new ProxyError("client_left");
    remember(eras, { server, outcome, hint });
    const isAskable = profile.capabilities !== "{}";
    if (outcome.kind === "ready") {
      log.info({ ...context, era: outcome.identity.era, variables: [...variables.keys()] }, "pooled child started");
      return createPooledChild({ name, link, identity: outcome.identity, isAskable, notifications });
    }
    onUnready(link.startWords());
    void places.stopChild(link.stop, context);
    return outcome;
  } catch (error) {
    void places.stopChild(link.stop, context);
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
    onStarted();
  }
}

interface Learnt {
  readonly server: Server;
  readonly outcome: HandshakeOutcome;
  readonly hint: Partial<KnownEras> | undefined;
}

/** What the end of an earlier child told (`hint`) counts as far as this one's answers bear it out, and not for ever. */
function remember(eras: EraMemory, { server, outcome, hint }: Learnt): void {
  if (outcome.kind === "ready") eras.learn(server, { ...hint, ...outcome.learnt }, hint === undefined);
  else if (outcome.kind === "refused" && outcome.isUnanswered) {
    if (outcome.suspected === undefined) eras.doubt(server);
    else eras.learn(server, outcome.suspected, false);
  }
}
