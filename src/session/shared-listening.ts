import { hasListNews } from "../bridge/legacy-client.ts";
import type { RawMessage } from "../link/link.ts";
import type { Subscribed } from "../link/subscriptions.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { Site } from "./site.ts";

/** What a session hears of the lists and resources of legacy children that other sessions use, too. */
export interface SharedListening {
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
export function createSharedListening(site: Site, deliver: (message: RawMessage) => void): SharedListening {
  const closed = new AbortController();
  /** Resources that are subscribed to, or about to be: the first update may come right behind the answer. */
  const uris = new Set<string>();
  let unlisten = () => {};
  /** Set while a child is kept. */
  let letGo: (() => void) | undefined;
  let isOpen = false;
  let turn: Promise<unknown> = Promise.resolve();

  /** One change after the other, in the client's order. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };

  /** Keeps a child for as long as the client may hear of it, and another one when that is lost. */
  const keep = async () => {
    const lease = await site.lease("shared", closed.signal);
    const drop = lease.hold();
    lease.release();
    if (closed.signal.aborted) {
      drop();
      return;
    }
    letGo = drop;
    const hasNews = hasListNews(lease.identity);
    void lease.link.ended.then(() => {
      if (letGo === drop) letGo = undefined;
      drop();
      if (hasNews || uris.size > 0) void revive();
    });
  };

  const isLost = () => isOpen && letGo === undefined && !closed.signal.aborted;

  const revive = async () => {
    if (!isLost()) return;
    await inTurn(async () => {
      if (isLost()) await keep();
    }).catch(() => undefined);
  };

  const hear = () =>
    site.news.listen(({ line, method }) => {
      if (method === "notifications/resources/updated") {
        const uri = valueAt(line, ["params", "uri"]);
        if (uri === undefined || !uris.has(String(JSON.parse(textAt(line, uri))))) return;
      }
      deliver({ line, message: { kind: "notification", method } });
    });

  const add = async (uri: string): Promise<Subscribed> => {
    const lease = await site.lease("shared", closed.signal);
    try {
      return await site.subscribe(lease, uri);
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
        if (uris.delete(uri)) site.unsubscribe(uri);
      }),
    revive,
    close: () => {
      if (closed.signal.aborted) return;
      closed.abort();
      unlisten();
      letGo?.();
      // Behind a subscription that is under way: it is taken back, too.
      void inTurn(async () => {
        for (const uri of uris) site.unsubscribe(uri);
        uris.clear();
      });
    },
  };
}
