import { ProxyError } from "../base/errors.ts";
import { createExplain } from "../base/explain.ts";
import type { Logger } from "../base/logger.ts";
import { discoverResult } from "../bridge/messages/modern-client-legacy-server.ts";
import type { EraMemory } from "../link/eras.ts";
import { callerKey } from "../pool/caller.ts";
import type { Pool } from "../pool/pool.ts";
import { MCP_ROUTE_REVISIONS } from "../wire/revisions.ts";
import { createCallLeases } from "./call-leases.ts";
import { createCalls } from "./calls.ts";
import { createListenings } from "./listenings.ts";
import { createParking } from "./parked-calls.ts";
import { stateOf } from "./request-state.ts";
import type { Round } from "./round.ts";
import { createSessionless, type Sessionless } from "./sessionless.ts";
import type { StatelessRequest } from "./stateless-request.ts";

/** Methods of other revisions, and those of servers: no request of 2026-07-28 has them, whatever the child would say. */
const FOREIGN: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "roots/list",
  "sampling/createMessage",
  "elicitation/create",
]);

export interface StatelessOptions {
  readonly pool: Pool;
  readonly eras: EraMemory;
  /** Calls in all that may wait for input; 0: any number. */
  readonly maxParkedCalls: number;
  readonly log: Logger;
}

/** Requests of revision 2026-07-28, each by itself: served by children that their caller's requests share. */
export interface Stateless {
  /** Serves a request: everything that comes of it goes to its sink, failures too. It never rejects. */
  readonly serve: (request: StatelessRequest) => Promise<void>;
  /** Serves requests of older revisions that name no session. */
  readonly sessionless: Sessionless;
  /** Ends subscriptions, in good order, and calls that wait for input. */
  readonly close: () => void;
}

export function createStateless({ pool, eras, maxParkedCalls, log }: StatelessOptions): Stateless {
  const parking = createParking<Round>(maxParkedCalls);
  const explain = createExplain(log, "serving a stateless request");
  const leases = createCallLeases(pool, eras);
  const calls = createCalls({ leases, eras, parking, explain });
  const listenings = createListenings();

  const discover = async (request: StatelessRequest) => {
    const { sink, rawId } = request.round;
    const lease = await leases.share(request, leases.childrenOf(request));
    const result = discoverResult(lease.identity, MCP_ROUTE_REVISIONS);
    lease.release();
    sink.answer(Buffer.from(`{"jsonrpc":"2.0","id":${rawId},"result":${result}}`));
  };

  const listen = async (request: StatelessRequest) => {
    listenings.requireRoom();
    const children = leases.childrenOf(request);
    await listenings.open(request, await leases.share(request, children), children);
  };

  const serve = async (request: StatelessRequest): Promise<void> => {
    const { method, line } = request.round;
    if (FOREIGN.has(method)) {
      throw new ProxyError("method_not_found", {
        message: `Revision 2026-07-28 has no request ${JSON.stringify(method)}.`,
      });
    }
    if (method === "server/discover") return discover(request);
    if (method === "subscriptions/listen") return listen(request);
    const state = stateOf(line);
    const caller = callerKey(request);
    // A modern server's own states are its business.
    return typeof state === "string" && parking.isOwn(state)
      ? calls.resume(request, caller, state)
      : calls.begin(request, caller);
  };

  return {
    serve: (request) => serve(request).catch((error: unknown) => request.round.sink.fail(explain(error))),
    sessionless: createSessionless(pool, explain),
    close: () => {
      listenings.close();
      parking.clear();
    },
  };
}
