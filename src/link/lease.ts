import type { Era } from "./eras.ts";
import type { Profile } from "./handshake.ts";
import type { Identity } from "./identity.ts";
import type { RawMessage } from "./link.ts";
import type { Attendant, Member } from "./member.ts";
import type { SharedLink } from "./shared.ts";

/** `shared`: beside the calls of others. `alone`: what the child asks and tells in the meantime is this caller's. */
export type LeaseMode = "shared" | "alone";

export interface LeaseRequest {
  readonly profile: Profile;
  /** The era of the client. */
  readonly wanted: Era;
  readonly mode: LeaseMode;
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
  readonly kin: object;
  /** Hears the child, as long as nobody else does. @returns requests that it has made already. */
  readonly attend: (attendant: Attendant) => readonly RawMessage[];
  /** The caller is asked for input, which may take long; or goes on. */
  readonly setParked: (isParked: boolean) => void;
  /** The child is told its client's roots: clients with the same ones may have it next. */
  readonly tellRoots: (roots: string) => void;
  /** The child has been told something that no other client must find in it, or is still at work for one. */
  readonly spend: () => void;
  /** Keeps the child from being ended for idleness, for as long as somebody listens. @returns the remover. */
  readonly hold: () => () => void;
  /** Gives it back; may be called again. */
  readonly release: () => void;
}

/** What children that were started alike have in common. */
export interface Kinship {
  /** One of them has asked its client for roots: so will the others. */
  asksRoots: Identity | undefined;
}

export interface LeaseOptions {
  readonly kin: Kinship;
  readonly member: Member;
  readonly mode: LeaseMode;
  /** Who uses the child, or how, has changed. */
  readonly onChange: () => void;
  /** Somebody has let go of the child. */
  readonly onSettled: () => void;
}

/** Makes the use of a child that has been taken already. */
export function createLease({ kin, member, mode, onChange, onSettled }: LeaseOptions): Lease {
  let isReleased = false;
  let unattend = () => {};
  return {
    link: member.link,
    identity: member.identity,
    kin,
    attend: (attendant) => {
      const { waiting, leave } = member.attend(attendant);
      unattend = leave;
      return waiting;
    },
    setParked: (isParked) => {
      if (isReleased) return;
      member.isParked = isParked;
      onChange();
    },
    tellRoots: (roots) => {
      kin.asksRoots = member.identity;
      if (member.roots !== undefined && member.roots !== roots) member.isSpent = true;
      member.roots = roots;
    },
    spend: () => {
      member.isSpent = true;
    },
    hold: () => {
      let isHeld = true;
      member.holds++;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        member.holds--;
        onSettled();
      };
    },
    release: () => {
      if (isReleased) return;
      isReleased = true;
      unattend();
      if (mode === "shared") {
        member.sharers--;
      } else {
        member.isAlone = false;
        member.isParked = false;
      }
      onSettled();
    },
  };
}
