import type { Identity } from "../link/identity.ts";
import type { RawMessage } from "../link/link.ts";
import type { SharedLink } from "../link/shared.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { idKey } from "../wire/message.ts";
import type { Notifications } from "./notifications.ts";

/** Requests of a child that wait until somebody is there to answer them; more are refused. */
const MAX_HELD_REQUESTS = 16;

/** Hears what a child asks and tells, as long as nobody else hears it: with two, nobody could say whose it is. */
export interface Listener {
  readonly onNotification: (message: RawMessage) => Promise<void> | undefined;
  readonly onRequest: (message: RawMessage) => void;
}

export interface PooledChildOptions {
  readonly name: string;
  readonly link: SharedLink;
  readonly identity: Identity;
  /** Whether it was told that its clients can be asked for something. */
  readonly isAskable: boolean;
  readonly notifications: Notifications;
}

/** A child of the pool. It is used by many at a time, or by one alone. */
export interface PooledChild {
  readonly name: string;
  readonly link: SharedLink;
  readonly identity: Identity;
  readonly bornAt: number;
  /** Calls that share it. */
  sharers: number;
  /** Somebody has it alone. */
  isAlone: boolean;
  /** Whoever had it alone waits for a client: the place counts as free for others. */
  isParked: boolean;
  /** Sessions and subscriptions that want it to stay. */
  pins: number;
  /** It knows something of one client, and must not serve another one. */
  isRetired: boolean;
  /** The roots that it was told, as JSON text: it serves no client with others. */
  roots: string | undefined;
  /** Since when nobody has used it. */
  idleSince: number;
  /** Notes a call of this culprit. @returns to be called when the call is over; whoever had one when the child ended stays noted. */
  readonly usedBy: (culprit: () => string) => () => void;
  /** The only one who had calls at the child when it ended; undefined: it was several, or none. */
  readonly soleUser: () => string | undefined;
  /** @returns requests that came while nobody was there to ask, and the remover. */
  readonly listen: (listener: Listener) => { readonly waiting: readonly RawMessage[]; readonly leave: () => void };
}

export function createPooledChild({ name, link, identity, isAskable, notifications }: PooledChildOptions): PooledChild {
  const listeners = new Set<Listener>();
  /** Who has calls at it; asked for their names when it has crashed. */
  const users = new Set<() => string>();
  let held: RawMessage[] = [];

  const withdraw = (line: Buffer) => {
    const span = valueAt(line, ["params", "requestId"]);
    const id = span === undefined ? undefined : idKey(textAt(line, span));
    held = held.filter(({ message }) => message.kind !== "request" || message.id !== id);
  };

  /** Nobody has used it yet: what it asks now it would ask of anybody. */
  let isFresh = true;
  /** Somebody has had it alone, and may have wanted its log. */
  let wasAlone = false;

  const soleListener = (): Listener | undefined => {
    const [first] = listeners;
    return listeners.size === 1 ? first : undefined;
  };

  link.listen({
    onNotification: (raw) => {
      const { line, message } = raw;
      const method = message.kind === "notification" ? message.method : "";
      if (method === "notifications/cancelled" && held.length > 0) withdraw(line);
      if (isForEveryone(method)) {
        notifications.publish({ line, method });
        return undefined;
      }
      const listener = soleListener();
      // It goes on talking of a call that is over: whoever has it next must not get that for their own.
      if (listener === undefined && method === "notifications/message" && wasAlone) pooled.isRetired = true;
      return listener?.onNotification(raw);
    },
    onRequest: (raw) => {
      const { message } = raw;
      if (message.kind !== "request") return;
      if (message.method === "ping") {
        link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":{}}`));
        return;
      }
      const listener = identity.era === "legacy" ? soleListener() : undefined;
      if (listener !== undefined) {
        listener.onRequest(raw);
        return;
      }
      // Revision 2026-07-28 has no such requests, so nobody will ever answer a modern child's. A question that comes when its
      // call is over is nobody's, unless it is one that any client can be asked.
      const isAnybodys = isFresh || message.method === "roots/list";
      if (isAskable && isAnybodys && identity.era === "legacy" && held.length < MAX_HELD_REQUESTS) {
        held.push({ line: Buffer.from(raw.line), message });
        return;
      }
      link.write(
        Buffer.from(
          `{"jsonrpc":"2.0","id":${message.rawId},"error":{"code":-32603,"message":"No client is there to be asked."}}`,
        ),
      );
    },
  });

  const now = performance.now();
  const pooled: PooledChild = {
    name,
    link,
    identity,
    bornAt: now,
    sharers: 0,
    isAlone: false,
    isParked: false,
    pins: 0,
    isRetired: false,
    roots: undefined,
    idleSince: now,
    usedBy: (culprit) => {
      users.add(culprit);
      return () => {
        if (!link.isEnded()) users.delete(culprit);
      };
    },
    soleUser: () => {
      const [first, ...others] = new Set([...users].map((name) => name()));
      return others.length === 0 ? first : undefined;
    },
    listen: (listener) => {
      isFresh = false;
      wasAlone ||= pooled.isAlone;
      listeners.add(listener);
      const waiting = held;
      held = [];
      return { waiting, leave: () => void listeners.delete(listener) };
    },
  };
  return pooled;
}

/** What concerns everyone who uses the child, whoever caused it. */
function isForEveryone(method: string): boolean {
  return method === "notifications/resources/updated" || method.endsWith("/list_changed");
}
