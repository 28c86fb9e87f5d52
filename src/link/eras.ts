import type { Server } from "../process/server.ts";

/** `legacy`: initialize handshake, up to 2025-11-25. `modern`: context in each request, 2026-07-28 and later. */
export type Era = "legacy" | "modern";

/** What is known of a server; undefined: not found out yet. */
export interface KnownEras {
  readonly legacy: boolean | undefined;
  readonly modern: boolean | undefined;
}

const UNKNOWN: KnownEras = { legacy: undefined, modern: undefined };

/** What only a child's silence or end has told is believed for so long. */
const UNCERTAIN_MS = 60 * 60_000;

/** Starts in a row that fail without an answer before what is remembered is doubted. */
const DOUBTS = 3;

/** Remembers which eras each server speaks, for as long as its command is the same. */
export interface EraMemory {
  readonly of: (server: Server) => KnownEras;
  /** `isCertain`: a child's answers say so. */
  readonly learn: (server: Server, learnt: Partial<KnownEras>, isCertain: boolean) => void;
  /**
   * A child gave no answer at all in the era that is remembered. It may have lacked its client's credentials, which says
   * nothing about the next one; after a few in a row the era is found out anew.
   */
  readonly doubt: (server: Server) => void;
}

interface Remembered {
  readonly known: KnownEras;
  /** When it is to be found out again, in milliseconds of the clock. */
  readonly until: number;
  doubts: number;
}

/** @param now a monotonic clock in milliseconds. */
export function createEraMemory(now: () => number = () => performance.now()): EraMemory {
  // As many as there are command lines on the allowlist: no client can make it grow.
  const memory = new Map<string, Remembered>();
  const keys = new WeakMap<Server, string>();

  const keyOf = (server: Server): string => {
    const known = keys.get(server);
    if (known !== undefined) return known;
    const key = JSON.stringify([server.program, server.command, server.env]);
    keys.set(server, key);
    return key;
  };

  const of = (server: Server): KnownEras => {
    const remembered = memory.get(keyOf(server));
    return remembered === undefined || remembered.until <= now() ? UNKNOWN : remembered.known;
  };

  return {
    of,
    learn: (server, learnt, isCertain) => {
      const until = isCertain ? Number.POSITIVE_INFINITY : now() + UNCERTAIN_MS;
      memory.set(keyOf(server), { known: { ...of(server), ...learnt }, until, doubts: 0 });
    },
    doubt: (server) => {
      const remembered = memory.get(keyOf(server));
      if (remembered !== undefined && ++remembered.doubts >= DOUBTS) memory.delete(keyOf(server));
    },
  };
}

/** The era in which a client of `wanted` is served: its own, if the child speaks it or may. */
export function servedEra({ legacy, modern }: KnownEras, wanted: Era): Era | "unknown" {
  if (wanted === "modern") {
    if (modern === true) return "modern";
    return modern === false ? "legacy" : "unknown";
  }
  if (legacy === true) return "legacy";
  return legacy === false && modern === true ? "modern" : "unknown";
}
