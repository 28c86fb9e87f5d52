import { isRecord } from "../base/record.ts";
import type { IdKey } from "../wire/message.ts";
import type { ClientRequests } from "./client-requests.ts";
import { inputRefusal } from "./messages/input-refusal.ts";
import type { InputRequired } from "./messages/legacy-client-modern-server.ts";

/** What came of a round of questions: the answers (JSON text, by the server's keys), or the error that the client gets instead. */
export type RoundOutcome =
  | { readonly kind: "answers"; readonly responses: ReadonlyMap<string, string> }
  | { readonly kind: "error"; readonly error: object };

/**
 * Why a modern server's questions cannot be put to a legacy client, as the error that it gets instead; undefined: they can.
 * @param capabilities JSON text of what the client can be asked for.
 */
export function refusalOfRound(wanted: InputRequired, capabilities: string): object | undefined {
  const declared: unknown = JSON.parse(capabilities);
  return inputRefusal(wanted, isRecord(declared) ? declared : {});
}

/** Asks a legacy client for all that a modern server wants to know, on behalf of one of its requests. */
export async function playRound(
  wanted: InputRequired,
  clientRequests: ClientRequests,
  about: IdKey,
): Promise<RoundOutcome> {
  const answers = await Promise.all(
    [...wanted.requests].map(async ([key, { method, params }]) => ({
      key,
      method,
      said: await clientRequests.send(method, params, about).answer,
    })),
  );
  const responses = new Map<string, string>();
  for (const { key, method, said } of answers) {
    if (said.kind === "result") responses.set(key, said.result);
    // A refusal has a form in elicitation alone.
    else if (method === "elicitation/create") responses.set(key, '{"action":"cancel"}');
    else {
      const data = { clientError: JSON.parse(said.error) };
      return { kind: "error", error: { code: -32603, message: `The client refused ${method}.`, data } };
    }
  }
  return { kind: "answers", responses };
}
