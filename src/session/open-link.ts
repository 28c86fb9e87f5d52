import type { Logger } from "../base/logger.ts";
import { type EraMemory, servedEra } from "../link/eras.ts";
import { createExclusiveLink } from "../link/exclusive.ts";
import type { Pool } from "../link/pool.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createBridgedLink } from "./bridged-link.ts";
import { callerKey } from "./caller.ts";
import { createEraTrial } from "./era-trial.ts";
import { createOwnBridge } from "./own-bridge.ts";
import type { OpenLink } from "./registry.ts";
import { sharedSite } from "./site.ts";

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
  const bridge = createOwnBridge({ starter, eras, scan, log });
  let shared = 0;

  return async ({ server, principal, variables, signal }) => {
    const { outboxBytes, lineBytes } = server.limits;
    if (server.isolation === "shared") {
      const key = callerKey({ server, principal, variables });
      const family = pool.family({ key, server, variables });
      const letGo = family.retain();
      const connect = createBridgedLink({
        serverName: server.name,
        siteFor: (profile) => sharedSite(family, profile),
        outboxBytes,
        pid: undefined,
        dropped: () => 0,
        stop: async () => letGo(),
        log,
      });
      return { name: `shared-${++shared}`, connect, onStarted: () => undefined };
    }
    const { child, name, onStarted } = await starter.start({ server, variables, signal });
    const context = { session: name, server: server.name, pid: child.pid };
    if (servedEra(eras.of(server), "legacy") === "modern") {
      return { name, connect: bridge.onto({ child, name, server, variables }), onStarted };
    }
    const exclusive = createExclusiveLink({ child, scan, maxLineBytes: lineBytes, log, context });
    return { name, connect: createEraTrial({ exclusive, bridge, eras, server, variables, log, onStarted }), onStarted };
  };
}
