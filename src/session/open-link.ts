import type { Logger } from "../base/logger.ts";
import { createExclusiveLink } from "../link/exclusive.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import type { OpenLink } from "./registry.ts";

export interface OpenLinkOptions {
  readonly starter: Starter;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/** Connects each session with a child of its own. */
export function createOpenLink({ starter, scan, log }: OpenLinkOptions): OpenLink {
  return async ({ server, variables, signal }) => {
    const { child, name, onStarted } = await starter.start({ server, variables, signal });
    const context = { session: name, server: server.name, pid: child.pid };
    const connect = createExclusiveLink({ child, scan, maxLineBytes: server.limits.lineBytes, log, context });
    return { name, connect, onStarted };
  };
}
