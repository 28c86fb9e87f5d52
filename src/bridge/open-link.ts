import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EraMemory } from "../link/eras.ts";
import type { ConnectLink, RawMessage } from "../link/link.ts";
import { type Caller, callerKey, culpritKey } from "../pool/caller.ts";
import type { Pool } from "../pool/pool.ts";
import { createCrashBackoff } from "../process/crash-backoff.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createBridgedLink } from "./bridged-link.ts";
import { sharedSource } from "./child-source.ts";
import { type Opening, openingOf } from "./opening.ts";
import { createOrphans } from "./orphans.ts";
import { createOwnLink } from "./own-link.ts";
import { createOwnStart, type OwnStart } from "./own-start.ts";

/** Who wants a link, and to what. */
export interface LinkRequest extends Caller {
  /** The client's address, as far as it is known. */
  readonly client: string;
  /** The client's first message, where there is one already. */
  readonly first?: RawMessage;
  /** Aborted when the client leaves: a start that has not begun is dropped. */
  readonly signal: AbortSignal;
}

/** What a session is to be connected with. */
export interface OpenedLink {
  /** What the log calls the session; unique within the instance. */
  readonly name: string;
  readonly connect: ConnectLink;
}

/** Finds each session its link. */
export interface LinkOpener {
  /** Starts a child for a session, or finds one. @throws ProxyError when there is none to be had. */
  readonly open: (request: LinkRequest) => Promise<OpenedLink>;
  /** Whether a start of the caller's waits for this: it has a place already. */
  readonly isAwaited: (request: Caller & { readonly first?: RawMessage }) => boolean;
  /** Ends the start that has been without a client for longest, of a server or of all. @returns when it is gone; undefined: there is none. */
  readonly endOldest: (of: Server | undefined) => Promise<void> | undefined;
  /** Ends the starts whose client has left. */
  readonly close: () => void;
}

export interface LinkOpenerOptions {
  readonly starter: Starter;
  readonly pool: Pool;
  readonly eras: EraMemory;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/** A server that waits for its client is as good as started: its turn goes to the next after so long. */
const UNASKED_TURN_MS = 1_000;

/** What all that a caller's client sends counts as together. */
const ANYTHING = "anything";

/**
 * A session has children that it shares, or one of its own, whose messages pass through if it is legacy as the session's client is,
 * and are bridged if it is not. A start goes on without its client, for the caller's next session.
 *
 * A child that dies before its first answer is counted against who provoked it, by what it had got of them. Where that is not known
 * yet, for a client that has only opened its stream, a caller that has provoked several deaths gets its next child when it is.
 */
export function createLinkOpener(options: LinkOpenerOptions): LinkOpener {
  const { starter, pool, eras, scan, log } = options;
  const orphans = createOrphans();
  const crashes = createCrashBackoff();
  let deferred = 0;
  let shared = 0;

  const begin = async (request: LinkRequest, caller: string, signal: AbortSignal): Promise<OwnStart> => {
    const { server, variables, client } = request;
    const { child, name, onStarted } = await starter.start({ server, variables, signal });
    const unasked = setTimeout(() => {
      if (start.isUnasked()) onStarted();
    }, UNASKED_TURN_MS);
    const start = createOwnStart({
      child,
      name,
      server,
      eras,
      scan,
      log,
      onStarted: () => {
        clearTimeout(unasked);
        onStarted();
      },
      onCrash: (content) => {
        crashes.crashed(culpritKey(caller, client, content));
        crashes.crashed(culpritKey(caller, client, ANYTHING));
      },
      onWorks: (content) => crashes.worked(culpritKey(caller, client, content)),
    });
    return start;
  };

  const admit = (caller: string, client: string, opening: Opening | undefined) => {
    const restMs = crashes.waitMs(culpritKey(caller, client, opening?.content ?? ""));
    if (restMs > 0) throw new ProxyError("crash_loop", { retryAfterSeconds: Math.ceil(restMs / 1000) });
  };

  const openShared = ({ server, principal, variables, client }: LinkRequest): OpenedLink => {
    const key = callerKey({ server, principal, variables });
    const children = pool.childrenOf({ key, server, variables });
    const unpin = children.pin();
    const connect = createBridgedLink({
      serverName: server.name,
      sourceFor: (profile) => sharedSource(children, profile, { address: () => client }),
      outboxBytes: server.limits.outboxBytes,
      pid: undefined,
      dropped: () => 0,
      stop: async () => unpin(),
      log,
    });
    return { name: `shared-${++shared}`, connect };
  };

  const openOwn = async (request: LinkRequest): Promise<OpenedLink> => {
    const { server, client, signal } = request;
    const caller = callerKey(request);
    const opening = request.first === undefined ? undefined : openingOf(request.first);
    admit(caller, client, opening);
    const isSuspect = opening === undefined && crashes.waitMs(culpritKey(caller, client, ANYTHING)) > 0;
    const isLater = isSuspect || orphans.has(caller, opening);
    const first = isLater ? undefined : await begin(request, caller, signal);
    const connect = createOwnLink({
      first,
      admit: (asked) => admit(caller, client, asked),
      find: (asked) => orphans.take(caller, asked),
      begin: (left) => begin(request, caller, left),
      keep: (start) => orphans.keep(caller, start, server.timeouts.warmMs),
      outboxBytes: server.limits.outboxBytes,
      log,
    });
    return { name: first?.name ?? `later-${++deferred}`, connect };
  };

  return {
    open: async (request) => (request.server.isolation === "shared" ? openShared(request) : openOwn(request)),
    isAwaited: (request) =>
      orphans.has(callerKey(request), request.first === undefined ? undefined : openingOf(request.first)),
    endOldest: orphans.endOldest,
    close: orphans.close,
  };
}
