import { requestDigest } from "../bridge/messages/request-digest.ts";
import type { Caller } from "../pool/caller.ts";
import type { Binding } from "./parked-calls.ts";
import type { Round } from "./round.ts";

/** A request of a modern client: who it is from, and where its answer goes. */
export interface StatelessRequest extends Caller {
  readonly round: Round;
  /** Aborted when nobody reads the answer any more: that cancels the request. */
  readonly signal: AbortSignal;
  /** Called before a process is started for it. @throws ProxyError rate_limited. */
  readonly admitStart?: () => void;
}

/** What a call is bound to that waits for its client. */
export function bindingOf({ line, method }: Round, caller: string): Binding {
  let digest: string | undefined;
  const request = () => {
    digest ??= requestDigest(line, method);
    return digest;
  };
  return { caller, request };
}

/** Calls `leave` once, when the client leaves or if it has left. */
export function whenLeft(signal: AbortSignal, leave: () => void): void {
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
}
