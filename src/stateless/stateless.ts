import { ProxyError } from "../base/errors.ts";
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
}

/** Requests of revision 2026-07-28, each by itself: served by children that their caller's requests share. */
export interface Stateless {
  /** Serves a request: everything that comes of it goes to its sink. @throws ProxyError before anything went there. */
  readonly serve: (request: StatelessRequest) => Promise<void>;
  /** Ends subscriptions, in good order, and calls that wait for input. */
  readonly close: () => void;
}

export function createStateless({ pool, eras, maxParkedCalls }: StatelessOptions): Stateless {
  const parking = createParking<Round>(maxParkedCalls);
  const leases = createCallLeases(pool, eras);
  const calls = createCalls({ leases, eras, parking });
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

  return {
    serve: async (request) => {
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
    },
    close: () => {
      listenings.close();
      parking.clear();
    },
  };
}
