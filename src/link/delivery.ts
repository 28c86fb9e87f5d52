import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { applyEdits } from "../wire/json-edit.ts";
import type { Bystander, CallEvents } from "./call-events.ts";
import { answerUnder, CANCELLED_PATH, callIdAt, callIdOf, PROGRESS_PATH, SUBSCRIPTION_PATH } from "./call-lines.ts";
import type { CallTable, TabledCall } from "./call-table.ts";
import { createEarlyMessages } from "./early-messages.ts";
import type { RawMessage } from "./link.ts";

/** A call under way on a shared child. */
export interface SharedCall extends TabledCall {
  /** What the child wrote to stderr before, up to this position, is none of the caller's. */
  readonly stderrFrom: number;
  /** What its caller calls it, and its reports: JSON text. */
  rawId: string;
  rawToken: string | undefined;
  readonly method: string;
  events: CallEvents;
}

export interface DeliveryOptions {
  readonly calls: CallTable<SharedCall>;
  /** Writes to the child. */
  readonly write: (line: Buffer) => void;
  /** Tells the child that nobody waits for a call any more. */
  readonly tellCancelled: (id: number, reason: string) => void;
  readonly log: Logger;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
}

/**
 * Brings each message of a shared child to whom it is for. Whatever a handler throws stays with the call that it is of: the
 * child, and with it everybody else's calls, goes on.
 */
export interface Delivery {
  readonly deliver: (message: RawMessage) => Promise<void> | undefined;
  /** A call that is off the table has failed. */
  readonly fail: (call: SharedCall, error: ProxyError) => void;
  /** From now on this one hears what belongs to no call; what came before, it hears at once. */
  readonly listen: (bystander: Bystander) => void;
}

export function createDelivery({ calls, write, tellCancelled, log, context }: DeliveryOptions): Delivery {
  const early = createEarlyMessages(write);
  let bystander: Bystander = { onNotification: early.keep, onRequest: early.keep };

  /** What a handler threw, as its call is told of it. A refusal says all there is to say; the rest is in the log alone. */
  const failureOf = (error: unknown, what: string): ProxyError => {
    if (error instanceof ProxyError) return error;
    const failureId = crypto.randomUUID().slice(0, 8);
    log.error({ ...context, err: error, failureId }, what);
    return new ProxyError("internal_error", { data: { id: failureId }, cause: error });
  };

  const fail = ({ events }: SharedCall, error: ProxyError) => {
    try {
      events.onFailure(error);
    } catch (thrown) {
      failureOf(thrown, "telling a caller of a failure failed");
    }
  };

  /** A handler of this call threw: it is over, and nobody else's is. */
  const onThrown = (id: number, entry: SharedCall, error: unknown) => {
    if (calls.get(id) === entry) {
      calls.forget(id);
      tellCancelled(id, "what was said about it could not be handled");
    }
    fail(entry, failureOf(error, "handling what the child said about a call failed"));
  };

  const tell = (id: number, entry: SharedCall, line: Buffer, method: string): Promise<void> | undefined => {
    try {
      return entry.events.onNotification(line, method)?.catch((error: unknown) => onThrown(id, entry, error));
    } catch (error) {
      onThrown(id, entry, error);
      return undefined;
    }
  };

  const onAnswer = (line: Buffer, id: number): Promise<void> | undefined => {
    const entry = calls.forget(id);
    if (entry === undefined) return undefined;
    try {
      return entry.events
        .onAnswer(answerUnder(line, entry.rawId, entry.isEndless))
        ?.catch((error: unknown) => onThrown(id, entry, error));
    } catch (error) {
      onThrown(id, entry, error);
      return undefined;
    }
  };

  const onNotification = (message: RawMessage, method: string): Promise<void> | undefined => {
    const { line } = message;
    if (method === "notifications/progress") {
      const about = callIdAt(line, PROGRESS_PATH);
      const entry = about === undefined ? undefined : calls.get(about.id);
      if (about === undefined || entry === undefined) return undefined;
      calls.touch(about.id);
      // The client went on with a request that wants no reports.
      if (entry.rawToken === undefined) return undefined;
      return tell(about.id, entry, applyEdits(line, [{ ...about.span, text: entry.rawToken }]), method);
    }
    if (method === "notifications/cancelled") {
      const id = callIdAt(line, CANCELLED_PATH)?.id ?? Number.NaN;
      const entry = calls.get(id);
      if (entry?.method === "subscriptions/listen") {
        calls.forget(id);
        fail(entry, new ProxyError("child_exited", { message: "The server ended the subscription." }));
        return undefined;
      }
    }
    // The name's last part alone: there are servers that escape slashes.
    const about = line.includes("subscriptionId") ? callIdAt(line, SUBSCRIPTION_PATH) : undefined;
    const entry = about === undefined ? undefined : calls.get(about.id);
    if (about === undefined || entry === undefined) return tellBystander(message);
    return tell(about.id, entry, applyEdits(line, [{ ...about.span, text: entry.rawId }]), method);
  };

  const tellBystander = (message: RawMessage): Promise<void> | undefined => {
    const onError = (error: unknown) => void failureOf(error, "handling a notification of the child failed");
    try {
      return bystander.onNotification(message)?.catch(onError);
    } catch (error) {
      onError(error);
      return undefined;
    }
  };

  const askBystander = (message: RawMessage) => {
    try {
      bystander.onRequest(message);
    } catch (error) {
      const { message: text } = failureOf(error, "handling a request of the child failed");
      if (message.message.kind !== "request") return;
      // It waits for an answer, and somebody for it.
      const refusal = JSON.stringify({ code: -32603, message: text });
      write(Buffer.from(`{"jsonrpc":"2.0","id":${message.message.rawId},"error":${refusal}}`));
    }
  };

  const onMessage = (raw: RawMessage): Promise<void> | undefined => {
    const { message, line } = raw;
    if (message.kind === "response") return onAnswer(line, callIdOf(message.id));
    if (message.kind === "notification") return onNotification(raw, message.method);
    askBystander(raw);
    return undefined;
  };

  return {
    deliver: onMessage,
    fail,
    listen: (next) => {
      bystander = next;
      for (const raw of early.take()) {
        if (raw.message.kind === "request") askBystander(raw);
        else void tellBystander(raw);
      }
    },
  };
}
