import type { Identity } from "../link/identity.ts";
import { jsonAt } from "../wire/json-value.ts";
import type { ChildSource } from "./child-source.ts";
import { createTurn } from "./in-turn.ts";
import {
  envelopeMembers,
  hasListNotifications,
  type LegacyClient,
  listenRequest,
  toLegacyNotification,
} from "./messages/legacy-client-modern-server.ts";

/** How long a subscription may wait for its acknowledgement. */
const LISTEN_MS = 10_000;

export interface ModernListeningParts {
  readonly source: ChildSource;
  readonly identity: Identity;
  readonly client: LegacyClient;
  readonly onNotification: (line: Buffer, method: string) => Promise<void> | undefined;
}

/** What a legacy client hears of a modern server's lists and resources: one `subscriptions/listen` for all of it. */
export interface ModernServerListening {
  /** The client is ready to hear. */
  readonly open: () => Promise<void>;
  /** Whether the server has agreed. @throws ProxyError as a start does. */
  readonly subscribe: (uri: string) => Promise<boolean>;
  /** @throws ProxyError as a start does. */
  readonly unsubscribe: (uri: string) => Promise<void>;
  /** Listens again if the child that was listened to is lost; it never rejects. */
  readonly revive: () => Promise<void>;
  readonly close: () => void;
}

/** An open `subscriptions/listen`. */
interface Listening {
  readonly agreed: ReadonlySet<string>;
  readonly end: () => void;
}

export function createModernServerListening(parts: ModernListeningParts): ModernServerListening {
  const { source, identity, client, onNotification } = parts;
  const closed = new AbortController();
  const uris = new Set<string>();
  let current: Listening | undefined;
  let isOpen = false;
  /** Of two changes at once, one would be listened to for ever, beside the other. */
  const inTurn = createTurn();

  /** Opens a listening beside the current one; undefined: the server takes none. */
  const begin = async (): Promise<Listening | undefined> => {
    const lease = await source.lease("shared", closed.signal);
    const unpin = lease.pin();
    const acknowledged = Promise.withResolvers<Buffer | undefined>();
    let isOver = false;
    const finish = () => {
      if (isOver) return;
      isOver = true;
      acknowledged.resolve(undefined);
      if (current?.end === end) current = undefined;
      unpin();
      lease.release();
    };
    let cancel = () => {};
    const end = () => {
      cancel();
      finish();
    };
    try {
      const line = listenRequest(lease.identity, [...uris], envelopeMembers(client, undefined));
      const call = lease.link.call(
        { line, method: "subscriptions/listen", isEndless: true },
        {
          onNotification: (notification, method) => {
            if (method !== "notifications/subscriptions/acknowledged")
              return onNotification(toLegacyNotification(notification), method);
            acknowledged.resolve(Buffer.from(notification));
            return undefined;
          },
          onAnswer: () => {
            finish();
            return undefined;
          },
          onFailure: () => {
            finish();
            void revive();
          },
        },
      );
      cancel = () => call.cancel("the client listens to something else");
    } catch (error) {
      finish();
      throw error;
    }
    const timer = setTimeout(end, LISTEN_MS);
    closed.signal.addEventListener("abort", end);
    const acknowledgement = await acknowledged.promise;
    clearTimeout(timer);
    closed.signal.removeEventListener("abort", end);
    return acknowledgement === undefined || isOver ? undefined : { agreed: agreedUris(acknowledgement), end };
  };

  /** Listens to what is wanted now. The listening before it ends when the new one is there: nothing is missed. */
  const renew = async (): Promise<ReadonlySet<string>> => {
    const before = current;
    if (uris.size === 0 && !hasListNotifications(identity)) {
      before?.end();
      return uris;
    }
    const next = await begin();
    if (next === undefined) return new Set();
    current = next;
    before?.end();
    return next.agreed;
  };

  const isLost = () =>
    current === undefined && !closed.signal.aborted && (uris.size > 0 || (isOpen && hasListNotifications(identity)));

  const revive = async () => {
    if (!isLost()) return;
    await inTurn(async () => {
      if (isLost()) await renew();
    }).catch(() => undefined);
  };

  return {
    open: () =>
      inTurn(async () => {
        if (isOpen) return;
        isOpen = true;
        if (current === undefined) await renew();
      }),
    subscribe: (uri) =>
      inTurn(async () => {
        if (uris.has(uri) && current?.agreed.has(uri) === true) return true;
        uris.add(uri);
        let isAgreed = false;
        try {
          isAgreed = (await renew()).has(uri);
        } finally {
          if (!isAgreed) uris.delete(uri);
        }
        return isAgreed;
      }),
    unsubscribe: (uri) =>
      inTurn(async () => {
        if (uris.delete(uri)) await renew();
      }),
    revive,
    close: () => {
      closed.abort();
      current?.end();
    },
  };
}

function agreedUris(acknowledgement: Buffer): ReadonlySet<string> {
  const uris = jsonAt(acknowledgement, ["params", "notifications", "resourceSubscriptions"]);
  return new Set(Array.isArray(uris) ? uris.filter((uri) => typeof uri === "string") : []);
}
