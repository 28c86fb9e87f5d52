import type { Explain } from "../base/explain.ts";
import { inputRequiredAnswer, inputResponsesOf } from "../bridge/messages/modern-client-legacy-server.ts";
import type { Identity } from "../link/identity.ts";
import type { ParkedCall, Parking } from "./parked-calls.ts";
import type { Round } from "./round.ts";
import { bindingOf, type StatelessRequest } from "./stateless-request.ts";

/** What a client is asked before it gets a child. */
const ROOTS_KEY = "roots-1";
const ROOTS_REQUEST: ReadonlyMap<string, string> = new Map([[ROOTS_KEY, '{"method":"roots/list","params":{}}']]);

export interface RootsFirstOptions {
  readonly parking: Parking<Round>;
  /** The server that will want to know. */
  readonly asker: Identity;
  /** Whom the call belongs to. */
  readonly caller: string;
  /** Makes the call, with the client's roots (JSON text). */
  readonly call: (request: StatelessRequest, roots: string) => Promise<void>;
  readonly explain: Explain;
}

/**
 * Asks a client for its roots before it gets a child, which then may be one that knows them already: a server that asks for roots would
 * otherwise need a process for each call. @throws ProxyError parked_limit.
 */
export function askForRoots({ round, ...request }: StatelessRequest, options: RootsFirstOptions): void {
  const { parking, asker, caller, call, explain } = options;
  const binding = bindingOf(round, caller);
  const left = new AbortController();

  const ask = ({ rawId, sink }: Round) => {
    const state = parking.park(waiting, binding, request.server.timeouts.parkedMs);
    sink.answer(inputRequiredAnswer(rawId, ROOTS_REQUEST, state, asker));
  };

  const proceed = async (next: Round) => {
    const roots = inputResponsesOf(next.line).get(ROOTS_KEY);
    if (roots === undefined) ask(next);
    else await call({ ...request, round: next, signal: left.signal }, roots);
  };

  const waiting: ParkedCall<Round> = {
    // The call itself does, once it has a child.
    check: () => Promise.resolve(),
    resume: (next) => {
      proceed(next).catch((error: unknown) => next.sink.fail(explain(error)));
    },
    leave: () => left.abort(),
    expire: () => left.abort(),
  };
  ask(round);
}
