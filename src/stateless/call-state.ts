import type { CallOutcome } from "./call-outcome.ts";
import type { Round } from "./round.ts";

/**
 * Where a modern client's call of a legacy child stands. What holds in each state, and is changed by the step from one to the next alone:
 *
 * - The request's time runs in `running` and in no other state: in every other one somebody else than the server is waited for.
 * - The child's place in the pool counts as free in `parked` and in no other state.
 * - A client waits for an answer (the round) in every state but `parked` and `over`.
 * - The child has the request from the first `running` on; whatever it asks before, it would ask of anybody.
 * - `over` is the last state, and is entered once. The child is given back in it, and what it still asks is refused.
 */
export type CallState =
  /** The child does not have the request, and has not said what it wants to know first. */
  | { readonly kind: "starting"; readonly round: Round }
  /** It is the server's turn. */
  | { readonly kind: "running"; readonly round: Round }
  /** The child has asked something of its client; what else it asks now goes along. */
  | { readonly kind: "gathering"; readonly round: Round; readonly timer: ReturnType<typeof setTimeout> }
  /** The client is away to answer. The child may be done meanwhile: that is kept. */
  | { readonly kind: "parked"; outcome: CallOutcome | undefined }
  /** The child was told what it wanted to know first, and is given the time to make use of it. */
  | { readonly kind: "answering"; readonly round: Round; readonly giveUp: () => void }
  | { readonly kind: "over" };

/** What the steps do to the world. */
export interface CallEffects {
  /** Gives the child the request, or lets it go on with it for this round; its time runs from now on. */
  readonly run: (round: Round) => void;
  /** Stops the request's time, if the child has it. */
  readonly pause: () => void;
  readonly setParked: (isParked: boolean) => void;
  readonly giveBack: () => void;
}

export interface CallStates {
  readonly current: () => CallState;
  /** Nothing comes after `over`. */
  readonly enter: (next: CallState) => void;
}

export function createCallStates(first: Round, { run, pause, setParked, giveBack }: CallEffects): CallStates {
  let state: CallState = { kind: "starting", round: first };

  const leave = (left: CallState) => {
    if (left.kind === "gathering") clearTimeout(left.timer);
    else if (left.kind === "answering") left.giveUp();
    else if (left.kind === "running") pause();
    else if (left.kind === "parked") setParked(false);
  };

  return {
    current: () => state,
    enter: (next) => {
      if (state.kind === "over") {
        leave(next);
        return;
      }
      leave(state);
      state = next;
      if (next.kind === "running") run(next.round);
      else if (next.kind === "parked") setParked(true);
      else if (next.kind === "over") giveBack();
    },
  };
}
