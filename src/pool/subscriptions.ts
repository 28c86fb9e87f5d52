import { ProxyError } from "../base/errors.ts";
import type { SharedLink } from "../link/shared.ts";

/** Resources that all listeners of one children together may be subscribed to. */
const MAX_RESOURCES = 1_000;

/** A child that does not answer a subscription pins nobody else up for longer. */
const PATIENCE_MS = 5_000;

/** How a subscription went: the child's own refusal is its JSON text. */
export type Subscribed =
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly answer: Buffer }
  | { readonly kind: "failed"; readonly error: ProxyError }
  | { readonly kind: "too-many" };

/**
 * Subscriptions to resources at legacy children (2025-11-25, server/resources, "Subscriptions"). Each of a children's children
 * has all of them, since any may change a resource, and a child that takes another's place gets them, too.
 */
export interface Subscriptions {
  /** Subscribes to a resource; one subscription serves all who want it. */
  readonly add: (link: SharedLink, uri: string) => Promise<Subscribed>;
  /** Takes back an `add` that went well. */
  readonly remove: (uri: string) => void;
  /** A child that gets all subscriptions from now on; resolves when it has answered for those that there are. */
  readonly join: (link: SharedLink) => Promise<void>;
  readonly leave: (link: SharedLink) => void;
}

interface Subscription {
  /** How many want it. */
  wanted: number;
  /** How it went at the child of whoever wanted it first. */
  readonly done: Promise<Subscribed>;
}

export function createSubscriptions(): Subscriptions {
  const links = new Set<SharedLink>();
  const subscriptions = new Map<string, Subscription>();

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
            const isError = typeof parsed === "object" && parsed !== null && "error" in parsed && parsed.error !== null;
            resolve(isError ? { kind: "refused", answer } : { kind: "ok" });
            return undefined;
          },
          onFailure: (error) => resolve({ kind: "failed", error }),
        },
      );
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      resolve({ kind: "failed", error });
    }
    return promise;
  };

  const begin = (link: SharedLink, uri: string): Subscription => {
    const done = ask(link, "resources/subscribe", uri).then(async (subscribed) => {
      if (subscribed.kind !== "ok") return subscribed;
      // Whoever is told that it is subscribed may call next what changes the resource, at any of them.
      const others = [...links].filter((other) => other !== link);
      await patiently(others.map((other) => ask(other, "resources/subscribe", uri)));
      return subscribed;
    });
    const subscription = { wanted: 0, done };
    subscriptions.set(uri, subscription);
    return subscription;
  };

  return {
    add: async (link, uri) => {
      for (;;) {
        const known = subscriptions.get(uri);
        if (known === undefined && subscriptions.size >= MAX_RESOURCES) return { kind: "too-many" };
        const subscription = known ?? begin(link, uri);
        // Counted before it is answered: whoever takes theirs back meanwhile must not end it for this one.
        subscription.wanted++;
        const subscribed = await subscription.done;
        if (subscribed.kind === "ok") return subscribed;
        if (subscriptions.get(uri) === subscription) subscriptions.delete(uri);
        // Another's child was lost with it, which says nothing about this one's.
        if (known === undefined || subscribed.kind !== "failed") return subscribed;
      }
    },
    remove: (uri) => {
      const subscription = subscriptions.get(uri);
      if (subscription === undefined || --subscription.wanted > 0) return;
      subscriptions.delete(uri);
      for (const link of links) void ask(link, "resources/unsubscribe", uri);
    },
    join: async (link) => {
      links.add(link);
      await patiently([...subscriptions.keys()].map((uri) => ask(link, "resources/subscribe", uri)));
    },
    leave: (link) => void links.delete(link),
  };
}

async function patiently(answers: readonly Promise<unknown>[]): Promise<void> {
  if (answers.length === 0) return;
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  await Promise.race([Promise.all(answers), late]);
  clearTimeout(timer);
}
