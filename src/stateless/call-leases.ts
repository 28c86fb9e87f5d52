import { ASKING_METHODS, mayBeAsked, sharedCapabilities } from "../bridge/messages/capabilities.ts";
import { type EraMemory, servedEra } from "../link/eras.ts";
import type { Profile } from "../link/handshake.ts";
import { callerKey } from "../pool/caller.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease, LeaseMode } from "../pool/lease.ts";
import type { Pool } from "../pool/pool.ts";
import { NEWEST_SESSION_REVISION } from "../wire/revisions.ts";
import type { Round } from "./round.ts";
import type { StatelessRequest } from "./stateless-request.ts";

/** Who starts a child for a client that does not name itself. */
export const PROXY_INFO = '{"name":"mcp-sse-proxy","version":"1"}';

/** Children for the requests of modern clients. */
export interface CallLeases {
  readonly childrenOf: (request: StatelessRequest) => CallerChildren;
  /** A child to be used beside others. @throws ProxyError as a start does. */
  readonly share: (request: StatelessRequest, children: CallerChildren) => Promise<Lease>;
  /**
   * A child for a call, and how it is had.
   * @param roots the client's, as JSON text, if they are known: the child may be one that was told the same.
   * @throws ProxyError as a start does.
   */
  readonly forCall: (
    request: StatelessRequest,
    children: CallerChildren,
    roots: string | undefined,
  ) => Promise<readonly [Lease, LeaseMode]>;
}

export function createCallLeases(pool: Pool, eras: EraMemory): CallLeases {
  const leaseFor = (
    request: StatelessRequest,
    children: CallerChildren,
    mode: LeaseMode,
    roots?: string,
  ): Promise<Lease> => {
    const { round, signal, admitStart } = request;
    const profile = profileOf(round);
    return children.lease({ profile, wanted: "modern", mode, address: round.client, roots, signal, admitStart });
  };

  return {
    childrenOf: (request) =>
      pool.childrenOf({ key: callerKey(request), server: request.server, variables: request.variables }),
    share: (request, children) => leaseFor(request, children, "shared"),
    // Whether it must be had alone depends on its era, which may turn out to be another one.
    forCall: async (request, children, roots) => {
      const mode = modeFor(request.round, servedEra(eras.of(request.server), "modern") === "legacy");
      const lease = await leaseFor(request, children, mode, roots);
      const wanted = modeFor(request.round, lease.identity.era === "legacy");
      if (mode === "alone" || wanted === "shared") return [lease, mode];
      lease.release();
      return [await leaseFor(request, children, wanted, roots), wanted];
    },
  };
}

/** How a request must have its child, so that what this one asks or logs is known to be about it. */
function modeFor({ method, envelope }: Round, isLegacy: boolean): LeaseMode {
  if (envelope.logLevel !== undefined) return "alone";
  return isLegacy && ASKING_METHODS.has(method) && mayBeAsked(envelope.capabilities) ? "alone" : "shared";
}

/** How a legacy child is initialised for the client of a request. */
export function profileOf({ envelope }: Round): Profile {
  const capabilities = sharedCapabilities(envelope.capabilities);
  return {
    revision: NEWEST_SESSION_REVISION,
    capabilities: JSON.stringify(capabilities),
    clientInfo: envelope.clientInfo ?? PROXY_INFO,
    hasRoots: capabilities["roots"] !== undefined,
  };
}
