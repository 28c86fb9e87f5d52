import { ProxyError } from "../base/errors.ts";
import type { Lease } from "../link/family.ts";
import type { RawMessage } from "../link/link.ts";
import type { Call } from "../link/shared.ts";
import { isLogLevel, LOG_LEVELS, type LogLevel } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";
import type { Ask } from "./asks.ts";
import { ASKING_METHODS } from "./legacy-call.ts";
import type { ClientRequest, ServerSide, ServerSideParts } from "./server-side.ts";

interface Active {
  isCancelled: boolean;
  call: Call | undefined;
  lease: Lease | undefined;
}

/** Serves a legacy client with legacy children that other sessions use, too. */
export function createLegacySide(parts: ServerSideParts): ServerSide {
  const { site, asks, deliver, refuse, isAskable } = parts;
  const active = new Map<IdKey, Active>();
  const uris = new Set<string>();
  const closed = new AbortController();
  /** What a child has asked, by its own id: it may take that back. */
  const asked = new Map<string, Ask>();
  let logLevel: LogLevel | undefined;
  let unlisten = () => {};
  let letGo = () => {};

  const finish = (id: IdKey) => {
    const entry = active.get(id);
    active.delete(id);
    entry?.lease?.release();
  };

  const onNotification = (pid: number, raw: RawMessage): Promise<void> | undefined => {
    if (raw.message.kind !== "notification") return undefined;
    if (raw.message.method === "notifications/cancelled") {
      const id = valueAt(raw.line, ["params", "requestId"]);
      if (id !== undefined) asked.get(`${pid} ${textAt(raw.line, id)}`)?.withdraw();
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
  const passOn = async (lease: Lease, { line, message }: RawMessage, about: IdKey) => {
    if (message.kind !== "request") return;
    if (message.method === "roots/list") lease.spend();
    const params = valueAt(line, ["params"]);
    const ask = asks.ask(message.method, params === undefined ? "{}" : textAt(line, params), about);
    const key = `${lease.link.pid} ${message.rawId}`;
    asked.set(key, ask);
    const said = await ask.answer;
    if (asked.get(key) === ask) asked.delete(key);
    const outcome = said.kind === "result" ? `"result":${said.result}` : `"error":${said.error}`;
    lease.link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},${outcome}}`));
  };

  const setLevel = ({ link, identity }: Lease, level: LogLevel) => {
    if (identity.capabilities["logging"] === undefined) return;
    const line = Buffer.from(`{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":"${level}"}}`);
    const deaf = { onNotification: () => undefined, onAnswer: () => undefined, onFailure: () => undefined };
    link.call({ line, method: "logging/setLevel" }, deaf);
  };

  const begin = async (request: ClientRequest, entry: Active) => {
    const isAlone = logLevel !== undefined || (isAskable && ASKING_METHODS.has(request.method));
    const lease = await site.lease(isAlone ? "alone" : "shared", closed.signal);
    entry.lease = lease;
    if (isAlone) {
      const onRequest = (raw: RawMessage) => void passOn(lease, { ...raw, line: Buffer.from(raw.line) }, request.id);
      const waiting = lease.attend({ onNotification: (raw) => onNotification(lease.link.pid, raw), onRequest });
      // What it wanted to know before anything else, it gets to know before anything else.
      await Promise.all(waiting.map((raw) => passOn(lease, raw, request.id)));
    }
    if (entry.isCancelled) {
      lease.release();
      return;
    }
    if (logLevel !== undefined) setLevel(lease, logLevel);
    entry.call = lease.link.call(
      { line: request.line, method: request.method },
      {
        onNotification: (line, method) => deliver({ line, message: { kind: "notification", method } }),
        onAnswer: (line) => {
          finish(request.id);
          return deliver({ line, message: { kind: "response", id: request.id } });
        },
        onFailure: (error) => {
          finish(request.id);
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
    asks.abandon(id);
    if (entry.call === undefined) return;
    entry.call.cancel(reason);
    // It may go on asking and telling: that must not reach whoever has it next.
    if (isAskable || logLevel !== undefined) entry.lease?.spend();
    entry.lease?.release();
  };

  return {
    request: async (request) => {
      const entry: Active = { isCancelled: false, call: undefined, lease: undefined };
      active.set(request.id, entry);
      try {
        await begin(request, entry);
      } catch (error) {
        finish(request.id);
        if (!(error instanceof ProxyError)) throw error;
        if (!entry.isCancelled) refuse(request, error);
      }
    },
    cancel,
    setLogLevel: (level) => {
      logLevel = level;
    },
    subscribe: async (uri) => {
      if (uris.has(uri)) return undefined;
      const lease = await site.lease("shared", closed.signal);
      const subscribed = await site.subscribe(lease, uri);
      lease.release();
      switch (subscribed.kind) {
        case "ok":
          if (closed.signal.aborted) site.unsubscribe(uri);
          else uris.add(uri);
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
    unsubscribe: async (uri) => {
      if (uris.delete(uri)) site.unsubscribe(uri);
    },
    open: async () => {
      if (closed.signal.aborted) return;
      unlisten = site.news.listen(({ line, method }) => {
        if (method === "notifications/resources/updated") {
          const uri = valueAt(line, ["params", "uri"]);
          if (uri === undefined || !uris.has(String(JSON.parse(textAt(line, uri))))) return;
        }
        void deliver({ line, message: { kind: "notification", method } });
      });
      const lease = await site.lease("shared", closed.signal);
      letGo = lease.hold();
      lease.release();
      if (closed.signal.aborted) letGo();
    },
    close: () => {
      closed.abort();
      unlisten();
      letGo();
      for (const uri of uris) site.unsubscribe(uri);
      uris.clear();
      for (const id of [...active.keys()]) cancel(id, "the client's session has ended");
    },
  };
}
