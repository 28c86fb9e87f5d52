import { ProxyError } from "../base/errors.ts";
import type { Explain } from "../base/explain.ts";
import { ASKING_METHODS } from "../bridge/messages/capabilities.ts";
import { type EraMemory, servedEra } from "../link/eras.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease, LeaseMode } from "../pool/lease.ts";
import { type CallLeases, profileOf } from "./call-leases.ts";
import { createLegacyServerCall } from "./legacy-server-call.ts";
import { createModernServerCall } from "./modern-server-call.ts";
import type { Parking } from "./parked-calls.ts";
import { stateOf } from "./request-state.ts";
import { askForRoots } from "./roots-first.ts";
import type { Round } from "./round.ts";
import { bindingOf, type StatelessRequest, whenLeft } from "./stateless-request.ts";
import { createToolHeaderCheck } from "./tool-header-check.ts";

export interface CallsOptions {
  readonly leases: CallLeases;
  readonly eras: EraMemory;
  readonly parking: Parking<Round>;
  readonly explain: Explain;
}

/** Calls of modern clients, by children of either era. `caller`: whose they are. */
export interface Calls {
  /** Makes a call. @throws ProxyError before anything of it went to the client. */
  readonly begin: (request: StatelessRequest, caller: string) => Promise<void>;
  /** Goes on with a call that waits for its client. @throws ProxyError request_state_refused, header_mismatch. */
  readonly resume: (request: StatelessRequest, caller: string, requestState: string) => Promise<void>;
}

export function createCalls({ leases, eras, parking, explain }: CallsOptions): Calls {
  const checkToolHeaders = createToolHeaderCheck();

  const checkBegin = async (
    { round, signal }: StatelessRequest,
    lease: Lease,
    children: CallerChildren,
    hasRoots: boolean,
  ) => {
    if (lease.identity.era === "legacy" && !hasRoots && stateOf(round.line) !== undefined) {
      throw new ProxyError("request_state_refused", {
        message: "The requestState is not one that this proxy gave, or it was changed.",
      });
    }
    await checkToolHeaders(round, lease, children);
    // Nothing may begin for a client that has left while its headers were checked.
    if (signal.aborted) throw new ProxyError("client_left");
  };

  const beginModern = ({ round, signal }: StatelessRequest, lease: Lease, mode: LeaseMode) => {
    const isAlone = mode === "alone";
    const call = createModernServerCall({ lease, isAlone, round, isEndless: false, onEnd: () => undefined });
    call.start();
    whenLeft(signal, call.leave);
  };

  const beginLegacy = (request: StatelessRequest, caller: string, parts: LegacyParts) => {
    const { round, signal, server } = request;
    const { lease, mode, children, roots } = parts;
    const call = createLegacyServerCall({
      lease,
      isAlone: mode === "alone",
      round,
      roots,
      binding: bindingOf(round, caller),
      parking,
      parkedMs: server.timeouts.parkedMs,
      keptBytes: server.limits.outboxBytes,
      check: (next) => checkToolHeaders(next, lease, children),
      again: (next, left) => {
        begin({ ...request, round: next, signal: left }, caller, roots).catch((error: unknown) =>
          next.sink.fail(explain(error)),
        );
      },
    });
    call.start();
    whenLeft(signal, () => call.leave(round));
  };

  const begin = async (request: StatelessRequest, caller: string, roots: string | undefined): Promise<void> => {
    const { round, server } = request;
    const children = leases.childrenOf(request);
    const profile = profileOf(round);
    const isLegacy = servedEra(eras.of(server), "modern") === "legacy";
    if (roots === undefined && isLegacy && profile.hasRoots && ASKING_METHODS.has(round.method)) {
      const asker = children.asksRoots(profile, "modern");
      const call = (next: StatelessRequest, known: string) => begin(next, caller, known);
      if (asker !== undefined) return askForRoots(request, { parking, asker, caller, call, explain });
    }
    const [lease, mode] = await leases.forCall(request, children, roots);
    try {
      await checkBegin(request, lease, children, roots !== undefined);
    } catch (error) {
      lease.release();
      throw error;
    }
    round.sink.begin();
    if (lease.identity.era === "modern") beginModern(request, lease, mode);
    else beginLegacy(request, caller, { lease, mode, children, roots });
  };

  return {
    begin: (request, caller) => begin(request, caller, undefined),
    resume: async ({ round, signal }, caller, requestState) => {
      const binding = bindingOf(round, caller);
      round.sink.begin();
      await parking.find(requestState, binding).check(round);
      const parked = parking.take(requestState, binding);
      parked.resume(round);
      whenLeft(signal, () => parked.leave(round));
    },
  };
}

interface LegacyParts {
  readonly lease: Lease;
  readonly mode: LeaseMode;
  readonly children: CallerChildren;
  readonly roots: string | undefined;
}
