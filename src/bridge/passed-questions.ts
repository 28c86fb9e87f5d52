import type { RawMessage } from "../link/link.ts";
import type { Lease } from "../pool/lease.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { type IdKey, idKey } from "../wire/message.ts";
import type { ClientRequests } from "./client-requests.ts";

/** What a legacy child wants of its client during one request: it goes to the client, and the answer back. */
export interface PassedQuestions {
  /** Resolves when the child has its answer, or does not want it any more. */
  readonly pass: (raw: RawMessage, lease: Lease) => Promise<void>;
  /** The child takes one back, as the line of its `notifications/cancelled` says. */
  readonly withdraw: (line: Buffer) => void;
  readonly open: () => number;
}

/** Told when the child begins to wait for the client, and when it waits no more. */
export type OnWaiting = (isWaiting: boolean) => void;

/** @param about the client's request. */
export function createPassedQuestions(
  clientRequests: ClientRequests,
  about: IdKey,
  onWaiting: OnWaiting,
): PassedQuestions {
  /** By the child's own id. */
  const withdrawals = new Map<IdKey, () => void>();
  let open = 0;
  return {
    pass: async ({ line, message }, lease) => {
      if (message.kind !== "request") return;
      const { id: own, method, rawId } = message;
      if (method === "roots/list") lease.retire();
      const params = valueAt(line, ["params"]);
      const sent = clientRequests.send(method, params === undefined ? "{}" : textAt(line, params), about);
      let isWithdrawn = false;
      const withdraw = () => {
        isWithdrawn = true;
        sent.withdraw();
      };
      withdrawals.set(own, withdraw);
      if (++open === 1) onWaiting(true);
      // The child is free for nobody else meanwhile, but others need not wait for this client.
      lease.setParked(true);
      const said = await sent.answer;
      if (--open === 0) {
        lease.setParked(false);
        onWaiting(false);
      }
      if (withdrawals.get(own) === withdraw) withdrawals.delete(own);
      // Whoever takes a question back wants no answer (2025-11-25, basic/utilities/cancellation).
      if (isWithdrawn) return;
      const outcome = said.kind === "result" ? `"result":${said.result}` : `"error":${said.error}`;
      lease.link.write(Buffer.from(`{"jsonrpc":"2.0","id":${rawId},${outcome}}`));
    },
    withdraw: (line) => {
      const id = valueAt(line, ["params", "requestId"]);
      const asked = id === undefined ? undefined : idKey(textAt(line, id));
      if (asked !== undefined) withdrawals.get(asked)?.();
    },
    open: () => open,
  };
}
