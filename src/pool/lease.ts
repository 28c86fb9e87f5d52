import type { Era } from "../link/eras.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { RawMessage } from "../link/link.ts";
import type { SharedLink } from "../link/shared.ts";
import type { Listener, PooledChild } from "./pooled-child.ts";

/** `shared`: beside the calls of others. `alone`: what the child asks and tells in the meantime is this caller's. */
export type LeaseMode = "shared" | "alone";

export interface LeaseRequest {
  readonly profile: Profile;
  /** The era of the client. */
  readonly wanted: Era;
  readonly mode: LeaseMode;
  /** The client's address, as far as it is known: asked for when a child must be started or has crashed. */
  readonly address?: () => string;
  /** Called before a child is started for it; a session's start was counted when it was opened. @throws ProxyError rate_limited. */
  readonly admitStart?: (() => void) | undefined;
  /** The client's roots, as JSON text: a child that was told the same ones, or none, will do. undefined: one that was told none. */
  readonly roots?: string | undefined;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** The use of a child, for one call. */
export interface Lease {
  readonly link: SharedLink;
  readonly identity: Identity;
  /** The children that are alike: what one says of its tools holds for all. */
  readonly variant: object;
  /** Hears the child, as long as nobody else does. @returns requests that it has made already. */
  readonly listen: (listener: Listener) => readonly RawMessage[];
  /** The caller is asked for input, which may take long; or goes on. */
  readonly setParked: (isParked: boolean) => void;
  /** The child is told its client's roots: clients with the same ones may have it next. */
  readonly tellRoots: (roots: string) => void;
  /** The child has been told something that no other client must find in it, or is still at work for one. */
  readonly retire: () => void;
  /** Keeps the child from being ended for idleness, for as long as somebody listens. @returns the remover. */
  readonly pin: () => () => void;
  /** Gives it back; may be called again. */
  readonly release: () => void;
}

/** What children that were started alike have in common. */
export interface VariantFacts {
  /** One of them has asked its client for roots: so will the others. */
  asksRoots: Identity | undefined;
}

export interface LeaseOptions {
  readonly variant: VariantFacts;
  readonly pooled: PooledChild;
  readonly mode: LeaseMode;
  /** Who uses the child, or how, has changed. */
  readonly onChange: () => void;
  /** The call is over. */
  readonly onOver: () => void;
  /** Somebody has let go of the child. */
  readonly onReleased: () => void;
}

/** Makes the use of a child that has been taken already. */
export function createLease({ variant, pooled, mode, onChange, onOver, onReleased }: LeaseOptions): Lease {
  let isReleased = false;
  let stopListening = () => {};
  return {
    link: pooled.link,
    identity: pooled.identity,
    variant,
    listen: (listener) => {
      const { waiting, leave } = pooled.listen(listener);
      stopListening = leave;
      return waiting;
    },
    setParked: (isParked) => {
      if (isReleased) return;
      pooled.isParked = isParked;
      onChange();
    },
    tellRoots: (roots) => {
      variant.asksRoots = pooled.identity;
      if (pooled.roots !== undefined && pooled.roots !== roots) pooled.isRetired = true;
      pooled.roots = roots;
    },
    retire: () => {
      pooled.isRetired = true;
    },
    pin: () => {
      let isPinned = true;
      pooled.pins++;
      return () => {
        if (!isPinned) return;
        isPinned = false;
        pooled.pins--;
        onReleased();
      };
    },
    release: () => {
      if (isReleased) return;
      isReleased = true;
      stopListening();
      if (mode === "shared") {
        pooled.sharers--;
      } else {
        pooled.isAlone = false;
        pooled.isParked = false;
      }
      onOver();
      onReleased();
    },
  };
}
