import { jsonAt } from "../wire/json-value.ts";

const STATE_PATH = ["params", "requestState"];

/** The `requestState` that a client was given and brings back (2026-07-28, basic/patterns/mrtr); null is nothing. */
export function stateOf(line: Buffer): unknown {
  const state = line.includes('"requestState"') ? jsonAt(line, STATE_PATH) : undefined;
  return state === null ? undefined : state;
}
