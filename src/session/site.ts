import type { Family } from "../link/family.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { Lease, LeaseMode } from "../link/lease.ts";
import type { Member } from "../link/member.ts";
import type { News } from "../link/news.ts";
import type { Subscribed } from "../link/subscriptions.ts";

/** Where a session of a legacy client finds children to serve its requests. */
export interface Site {
  /** Whether the session has its one child for itself: whatever it says is the session's. */
  readonly isOwn: boolean;
  /** @throws ProxyError as a start does. */
  readonly lease: (mode: LeaseMode, signal: AbortSignal) => Promise<Lease>;
  readonly news: News;
  /** Subscribes at legacy children. */
  readonly subscribe: (lease: Lease, uri: string) => Promise<Subscribed>;
  readonly unsubscribe: (uri: string) => void;
}

/** The children that requests of one caller share. */
export function sharedSite(family: Family, profile: Profile): Site {
  return {
    isOwn: false,
    lease: (mode, signal) => family.lease({ profile, wanted: "legacy", mode, signal }),
    news: family.news,
    subscribe: (lease, uri) => family.subscriptions.add(lease.link, uri),
    unsubscribe: family.subscriptions.remove,
  };
}

/** One child, which nobody else uses. */
export function ownSite(member: Member, identity: Identity, news: News): Site {
  const kin = {};
  return {
    isOwn: true,
    lease: async () => {
      let unattend = () => {};
      return {
        link: member.link,
        identity,
        kin,
        attend: (attendant) => {
          const { waiting, leave } = member.attend(attendant);
          unattend = leave;
          return waiting;
        },
        setParked: () => undefined,
        tellRoots: () => undefined,
        spend: () => undefined,
        hold: () => () => undefined,
        release: () => unattend(),
      };
    },
    news,
    // Only modern servers are met so, and they are listened to instead.
    subscribe: async () => ({ kind: "too-many" }),
    unsubscribe: () => undefined,
  };
}
