import { ProxyError } from "../base/errors.ts";
import { subscriptionEnd } from "../bridge/messages/rounds.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease } from "../pool/lease.ts";
import { createLegacyServerSubscription } from "./legacy-server-subscription.ts";
import { createModernServerCall } from "./modern-server-call.ts";
import { type StatelessRequest, whenLeft } from "./stateless-request.ts";

/** Subscriptions of all clients together. */
const MAX_LISTENERS = 10_000;

/** The open `subscriptions/listen` of all clients. */
export interface Listenings {
  /** @throws ProxyError session_limit when there are too many. */
  readonly requireRoom: () => void;
  /** Listens at a child for as long as the client does. @throws ProxyError invalid_params. */
  readonly open: (request: StatelessRequest, lease: Lease, children: CallerChildren) => Promise<void>;
  /** Ends all of them, in good order. */
  readonly close: () => void;
}

export function createListenings(): Listenings {
  const open = new Set<{ readonly close: () => void }>();

  const openModern = ({ round, signal }: StatelessRequest, lease: Lease) => {
    const unpin = lease.pin();
    const listening = { close: () => round.sink.answer(subscriptionEnd(round.rawId)) };
    const onEnd = () => {
      open.delete(listening);
      unpin();
    };
    const call = createModernServerCall({ lease, isAlone: false, round, isEndless: true, onEnd });
    open.add(listening);
    call.start();
    whenLeft(signal, call.leave);
  };

  const openLegacy = async ({ round, signal }: StatelessRequest, lease: Lease, children: CallerChildren) => {
    const onEnd = () => open.delete(listening);
    const listening = createLegacyServerSubscription({ children, lease, round, onEnd });
    open.add(listening);
    whenLeft(signal, listening.leave);
    await listening.start();
  };

  return {
    requireRoom: () => {
      if (open.size >= MAX_LISTENERS) throw new ProxyError("session_limit", { retryAfterSeconds: 30 });
    },
    open: async (request, lease, children) => {
      request.round.sink.begin();
      if (lease.identity.era === "modern") openModern(request, lease);
      else await openLegacy(request, lease, children);
    },
    close: () => {
      for (const listening of [...open]) listening.close();
      open.clear();
    },
  };
}
