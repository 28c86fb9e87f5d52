import type { RawMessage } from "../link/link.ts";
import type { Subscribed } from "../pool/subscriptions.ts";
import { stringAt } from "../wire/json-value.ts";
import type { ChildSource } from "./child-source.ts";
import { createTurn } from "./in-turn.ts";
import { hasListNotifications } from "./messages/legacy-client-modern-server.ts";

/** What a session hears of the lists and resources of legacy children that other sessions use, too. */
export interface LegacyServerListening {
  /** The client is ready to hear. @throws ProxyError as a start does. */
  readonly open: () => Promise<void>;
  /** @throws ProxyError as a start does. */
  readonly subscribe: (uri: string) => Promise<Subscribed>;
  readonly unsubscribe: (uri: string) => Promise<void>;
  /** Sees to it that there is a child to be heard, if the one that was is lost; it never rejects. */
  readonly revive: () => Promise<void>;
  readonly close: () => void;
}

/** @param deliver sends a message to the client. */
export function createLegacyServerListening(
  source: ChildSource,
  deliver: (message: RawMessage) => void,
): LegacyServerListening {
  const closed = new AbortController();
  /** Resources that are subscribed to, or about to be: the first update may come right behind the answer. */
  const uris = new Set<string>();
  let unlisten = () => {};
  /** Set while a child is kept. */
  let unpin: (() => void) | undefined;
  let isOpen = false;
  /** Changes come in the client's order. */
  const inTurn = createTurn();

  /** Keeps a child for as long as the client may hear of it, and another one when that is lost. */
  const keep = async () => {
    const lease = await source.lease("shared", closed.signal);
    const drop = lease.pin();
    lease.release();
    if (closed.signal.aborted) {
      drop();
      return;
    }
    unpin = drop;
    const hasListChanges = hasListNotifications(lease.identity);
    void lease.link.ended.then(() => {
      if (unpin === drop) unpin = undefined;
      drop();
      if (hasListChanges || uris.size > 0) void revive();
    });
  };

  const isLost = () => isOpen && unpin === undefined && !closed.signal.aborted;

  const revive = async () => {
    if (!isLost()) return;
    await inTurn(async () => {
      if (isLost()) await keep();
    }).catch(() => undefined);
  };

  const hear = () =>
    source.notifications.listen(({ line, method }) => {
      if (method === "notifications/resources/updated") {
        const uri = stringAt(line, ["params", "uri"]);
        if (uri === undefined || !uris.has(uri)) return;
      }
      deliver({ line, message: { kind: "notification", method } });
    });

  const add = async (uri: string): Promise<Subscribed> => {
    const lease = await source.lease("shared", closed.signal);
    try {
      return await source.subscribe(lease, uri);
    } finally {
      lease.release();
    }
  };

  return {
    open: async () => {
      if (isOpen || closed.signal.aborted) return;
      isOpen = true;
      unlisten = hear();
      await inTurn(keep);
    },
    subscribe: (uri) =>
      inTurn(async () => {
        if (uris.has(uri)) return { kind: "ok" };
        uris.add(uri);
        let subscribed: Subscribed | undefined;
        try {
          subscribed = await add(uri);
          return subscribed;
        } finally {
          if (subscribed?.kind !== "ok") uris.delete(uri);
        }
      }),
    unsubscribe: (uri) =>
      inTurn(async () => {
        if (uris.delete(uri)) source.unsubscribe(uri);
      }),
    revive,
    close: () => {
      if (closed.signal.aborted) return;
      closed.abort();
      unlisten();
      unpin?.();
      // Behind a subscription that is under way: it is taken back, too.
      void inTurn(async () => {
        for (const uri of uris) source.unsubscribe(uri);
        uris.clear();
      });
    },
  };
}
