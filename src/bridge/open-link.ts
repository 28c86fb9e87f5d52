import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type EraMemory, servedEra } from "../link/eras.ts";
import { createExclusiveLink } from "../link/exclusive.ts";
import type { ConnectLink } from "../link/link.ts";
import { type Caller, callerKey } from "../pool/caller.ts";
import type { Pool } from "../pool/pool.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createBridgedLink } from "./bridged-link.ts";
import { sharedSource } from "./child-source.ts";
import { createEraFallback } from "./era-fallback.ts";
import { createOwnChildBridge } from "./own-child.ts";

/** Who wants a link, and to what. */
export interface LinkRequest extends Caller {
  /** Aborted when the client leaves: a start that nobody waits for is cancelled. */
  readonly signal: AbortSignal;
}

/** What a session is to be connected with. */
export interface OpenedLink {
  /** What the log calls the session; unique within the instance. */
  readonly name: string;
  readonly connect: ConnectLink;
  /** Called once, at the child's first message or at the session's end: the start is over. */
  readonly onStarted: () => void;
}

/** Starts a child for a session, or finds one. @throws ProxyError when there is none to be had. */
export type OpenLink = (options: LinkRequest) => Promise<OpenedLink>;

export interface OpenLinkOptions {
  readonly starter: Starter;
  readonly pool: Pool;
  readonly eras: EraMemory;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/**
 * Finds each session its link: children that it shares, or one of its own, whose messages pass through if it is legacy as
 * the session's client is, and are bridged if it is not.
 */
export function createOpenLink(options: OpenLinkOptions): OpenLink {
  const { starter, pool, eras, scan, log } = options;
  const bridge = createOwnChildBridge({ starter, eras, scan, log });
  let shared = 0;

  return async ({ server, principal, variables, signal }) => {
    const { outboxBytes, lineBytes } = server.limits;
    if (server.isolation === "shared") {
      const key = callerKey({ server, principal, variables });
      const children = pool.childrenOf({ key, server, variables });
      const unpin = children.pin();
      const connect = createBridgedLink({
        serverName: server.name,
        sourceFor: (profile) => sharedSource(children, profile),
        outboxBytes,
        pid: undefined,
        dropped: () => 0,
        stop: async () => unpin(),
        log,
      });
      return { name: `shared-${++shared}`, connect, onStarted: () => undefined };
    }
    const { child, name, onStarted } = await starter.start({ server, variables, signal });
    if (signal.aborted) {
      await child.stop();
      onStarted();
      throw new ProxyError("client_left");
    }
    const context = { session: name, server: server.name, pid: child.pid };
    if (servedEra(eras.of(server), "legacy") === "modern") {
      return { name, connect: bridge.onto({ child, name, server, variables }), onStarted };
    }
    const exclusive = createExclusiveLink({ child, scan, maxLineBytes: lineBytes, log, context });
    return {
      name,
      connect: createEraFallback({ exclusive, bridge, eras, server, variables, log, onStarted }),
      onStarted,
    };
  };
}
