import { ProxyError } from "../base/errors.ts";
import type { RawMessage } from "../link/link.ts";
import type { Call } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import { isLogLevel, LOG_LEVELS, type LogLevel } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";
import { createLegacyServerListening } from "./legacy-server-listening.ts";
import { setLogLevel } from "./log-level.ts";
import { ASKING_METHODS } from "./messages/capabilities.ts";
import type { IncomingRequest, ServerSide, ServerSideParts } from "./server-side.ts";

interface Active {
  /** Questions to the client that are open. */
  questions: number;
  /** Nobody else uses its child. */
  isAlone: boolean;
  isCancelled: boolean;
  call: Call | undefined;
  lease: Lease | undefined;
}

/** Serves a legacy client with legacy children that other sessions use, too. */
export function createLegacyServerSide(parts: ServerSideParts): ServerSide {
  const { source, clientRequests, deliver, refuse, isAskable } = parts;
  const active = new Map<IdKey, Active>();
  const closed = new AbortController();
  /** What a child has asked, by its own id: it may take that back. */
  const asked = new Map<string, () => void>();
  let logLevel: LogLevel | undefined;
  const listening = createLegacyServerListening(source, (message) => void deliver(message));

  const finish = (id: IdKey, entry: Active, isAnswered: boolean) => {
    // After a cancellation its id may be another's.
    if (active.get(id) === entry) {
      active.delete(id);
      clientRequests.abandon(id);
    }
    // A child that still waits or works for one client must not be given to another, who would be asked and told.
    if (entry.questions > 0 || (entry.isAlone && !isAnswered)) entry.lease?.retire();
    entry.lease?.release();
  };

  const onNotification = (pid: number, raw: RawMessage): Promise<void> | undefined => {
    if (raw.message.kind !== "notification") return undefined;
    if (raw.message.method === "notifications/cancelled") {
      const id = valueAt(raw.line, ["params", "requestId"]);
      if (id !== undefined) asked.get(`${pid} ${textAt(raw.line, id)}`)?.();
      return undefined;
    }
    if (raw.message.method !== "notifications/message") return deliver(raw);
    const level = valueAt(raw.line, ["params", "level"]);
    const said: unknown = level === undefined ? undefined : JSON.parse(textAt(raw.line, level));
    if (logLevel === undefined) return undefined;
    if (isLogLevel(said) && LOG_LEVELS.indexOf(said) < LOG_LEVELS.indexOf(logLevel)) return undefined;
    return deliver(raw);
  };

  /** What the child wants of its client goes to the client, and the answer back. */
  const passOn = async (entry: Active, lease: Lease, { line, message }: RawMessage, about: IdKey) => {
    if (message.kind !== "request") return;
    if (message.method === "roots/list") lease.retire();
    const params = valueAt(line, ["params"]);
    const ask = clientRequests.send(message.method, params === undefined ? "{}" : textAt(line, params), about);
    const key = `${lease.link.pid} ${message.rawId}`;
    let isWithdrawn = false;
    const withdraw = () => {
      isWithdrawn = true;
      ask.withdraw();
    };
    asked.set(key, withdraw);
    entry.questions++;
    // The child is free for nobody else meanwhile, but others need not wait for this client.
    lease.setParked(true);
    const said = await ask.answer;
    if (--entry.questions === 0) lease.setParked(false);
    if (asked.get(key) === withdraw) asked.delete(key);
    // Whoever takes a question back wants no answer (2025-11-25, basic/utilities/cancellation).
    if (isWithdrawn) return;
    const outcome = said.kind === "result" ? `"result":${said.result}` : `"error":${said.error}`;
    lease.link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},${outcome}}`));
  };

  const begin = async (request: IncomingRequest, entry: Active) => {
    const isAlone = logLevel !== undefined || (isAskable && ASKING_METHODS.has(request.method));
    const lease = await source.lease(isAlone ? "alone" : "shared", closed.signal);
    entry.lease = lease;
    entry.isAlone = isAlone;
    if (isAlone) {
      const about = request.id;
      const onRequest = (raw: RawMessage) => void passOn(entry, lease, { ...raw, line: Buffer.from(raw.line) }, about);
      const waiting = lease.listen({
        onNotification: (raw) => onNotification(lease.link.pid, { ...raw, about }),
        onRequest,
      });
      // What it wanted to know before anything else, it gets to know before anything else.
      await Promise.all(waiting.map((raw) => passOn(entry, lease, raw, about)));
    }
    if (entry.isCancelled) {
      lease.release();
      return;
    }
    if (logLevel !== undefined) setLogLevel(lease, logLevel);
    entry.call = lease.link.call(
      { line: request.line, method: request.method },
      {
        onNotification: (line, method) => deliver({ line, message: { kind: "notification", method } }),
        onAnswer: (line) => {
          finish(request.id, entry, true);
          return deliver({ line, message: { kind: "response", id: request.id } });
        },
        onFailure: (error) => {
          finish(request.id, entry, false);
          refuse(request, error);
        },
      },
    );
  };

  const cancel = (id: IdKey, reason: string) => {
    const entry = active.get(id);
    if (entry === undefined) return;
    active.delete(id);
    entry.isCancelled = true;
    clientRequests.abandon(id);
    if (entry.call === undefined) return;
    entry.call.cancel(reason);
    // It may go on asking and telling: that must not reach whoever has it next.
    if (isAskable || logLevel !== undefined) entry.lease?.retire();
    entry.lease?.release();
  };

  return {
    request: async (request) => {
      const entry: Active = { questions: 0, isAlone: false, isCancelled: false, call: undefined, lease: undefined };
      active.set(request.id, entry);
      try {
        await begin(request, entry);
        void listening.revive();
      } catch (error) {
        finish(request.id, entry, false);
        if (!(error instanceof ProxyError)) throw error;
        if (!entry.isCancelled) refuse(request, error);
      }
    },
    cancel,
    setLogLevel: (level) => {
      logLevel = level;
    },
    subscribe: async (uri) => {
      const subscribed = await listening.subscribe(uri);
      switch (subscribed.kind) {
        case "ok":
          return undefined;
        case "refused": {
          const error = valueAt(subscribed.answer, ["error"]);
          return error === undefined ? "{}" : textAt(subscribed.answer, error);
        }
        case "failed":
          throw subscribed.error;
        case "too-many":
          return '{"code":-32000,"message":"As many resources are subscribed to as the proxy allows."}';
      }
    },
    unsubscribe: listening.unsubscribe,
    open: listening.open,
    close: () => {
      closed.abort();
      listening.close();
      for (const id of [...active.keys()]) cancel(id, "the client's session has ended");
    },
  };
}
