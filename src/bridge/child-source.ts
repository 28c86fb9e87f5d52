import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease, LeaseMode, LeaseRequest } from "../pool/lease.ts";
import type { Notifications } from "../pool/notifications.ts";
import type { PooledChild } from "../pool/pooled-child.ts";
import type { Subscribed } from "../pool/subscriptions.ts";

/** Where a session of a legacy client finds children to serve its requests. */
export interface ChildSource {
  /** Whether the session has its one child for itself: whatever it says is the session's. */
  readonly isOwn: boolean;
  /** @throws ProxyError as a start does. */
  readonly lease: (mode: LeaseMode, signal: AbortSignal) => Promise<Lease>;
  readonly notifications: Notifications;
  /** Subscribes at legacy children. */
  readonly subscribe: (lease: Lease, uri: string) => Promise<Subscribed>;
  readonly unsubscribe: (uri: string) => void;
}

/** The children that requests of one caller share. @param asking what the pool is to know of who asks. */
export function sharedSource(
  children: CallerChildren,
  profile: Profile,
  asking: Pick<LeaseRequest, "address" | "admitStart">,
): ChildSource {
  return {
    isOwn: false,
    lease: (mode, signal) => children.lease({ ...asking, profile, wanted: "legacy", mode, signal }),
    notifications: children.notifications,
    subscribe: (lease, uri) => children.subscriptions.add(lease.link, uri),
    unsubscribe: children.subscriptions.remove,
  };
}

/** One child, which nobody else uses. */
export function ownSource(pooled: PooledChild, identity: Identity, notifications: Notifications): ChildSource {
  const variant = {};
  return {
    isOwn: true,
    lease: async () => {
      let stopListening = () => {};
      return {
        link: pooled.link,
        identity,
        variant,
        listen: (listener) => {
          const { waiting, leave } = pooled.listen(listener);
          stopListening = leave;
          return waiting;
        },
        setParked: () => undefined,
        tellRoots: () => undefined,
        retire: () => undefined,
        pin: () => () => undefined,
        release: () => stopListening(),
      };
    },
    notifications,
    // Only modern servers are met so, and they are listened to instead.
    subscribe: async () => ({ kind: "too-many" }),
    unsubscribe: () => undefined,
  };
}
