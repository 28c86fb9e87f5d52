import { textAt, valueAt } from "../wire/json-edit.ts";

const STATE_PATH = ["params", "requestState"];

/** The `requestState` that a client was given and brings back (2026-07-28, basic/patterns/mrtr); null is nothing. */
export function stateOf(line: Buffer): unknown {
  const span = line.includes('"requestState"') ? valueAt(line, STATE_PATH) : undefined;
  const state: unknown = span === undefined ? undefined : JSON.parse(textAt(line, span));
  return state === null ? undefined : state;
}
