import type { ProxyError } from "../base/errors.ts";
import type { SharedLink } from "./shared.ts";

/** Resources that all listeners of one family together may be subscribed to. */
const MAX_RESOURCES = 1_000;

/** How a subscription went: the child's own refusal is its JSON text. */
export type Subscribed =
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly answer: Buffer }
  | { readonly kind: "failed"; readonly error: ProxyError }
  | { readonly kind: "too-many" };

/**
 * Subscriptions to resources at legacy children (2025-11-25, server/resources, "Subscriptions"). Each of a family's children
 * has all of them, since any may change a resource, and a child that takes another's place gets them, too.
 */
export interface Subscriptions {
  /** Subscribes to a resource; one subscription serves all who want it. */
  readonly add: (link: SharedLink, uri: string) => Promise<Subscribed>;
  /** Takes back an `add` that went well. */
  readonly remove: (uri: string) => void;
  /** A child that gets all subscriptions from now on. */
  readonly join: (link: SharedLink) => void;
  readonly leave: (link: SharedLink) => void;
}

export function createSubscriptions(): Subscriptions {
  const links = new Set<SharedLink>();
  const counts = new Map<string, number>();

  const ask = (link: SharedLink, method: string, uri: string): Promise<Subscribed> => {
    const { promise, resolve } = Promise.withResolvers<Subscribed>();
    const line = JSON.stringify({ jsonrpc: "2.0", id: 0, method, params: { uri } });
    try {
      link.call(
        { line: Buffer.from(line), method },
        {
          onNotification: () => undefined,
          onAnswer: (answer) => {
            const parsed: unknown = JSON.parse(answer.toString());
            const isError = typeof parsed === "object" && parsed !== null && "error" in parsed;
            resolve(isError ? { kind: "refused", answer } : { kind: "ok" });
            return undefined;
          },
          onFailure: (error) => resolve({ kind: "failed", error }),
        },
      );
    } catch (error) {
      resolve({ kind: "failed", error: error as ProxyError });
    }
    return promise;
  };

  return {
    add: async (link, uri) => {
      const count = counts.get(uri);
      if (count === undefined && counts.size >= MAX_RESOURCES) return { kind: "too-many" };
      if (count === undefined) {
        const subscribed = await ask(link, "resources/subscribe", uri);
        if (subscribed.kind !== "ok") return subscribed;
        for (const other of links) if (other !== link) void ask(other, "resources/subscribe", uri);
      }
      counts.set(uri, (counts.get(uri) ?? 0) + 1);
      return { kind: "ok" };
    },
    remove: (uri) => {
      const count = counts.get(uri) ?? 0;
      if (count > 1) counts.set(uri, count - 1);
      else if (counts.delete(uri)) for (const link of links) void ask(link, "resources/unsubscribe", uri);
    },
    join: (link) => {
      links.add(link);
      for (const uri of counts.keys()) void ask(link, "resources/subscribe", uri);
    },
    leave: (link) => void links.delete(link),
  };
}
