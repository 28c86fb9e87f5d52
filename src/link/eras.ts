import type { Server } from "../process/server.ts";

/** `legacy`: initialize handshake, up to 2025-11-25. `modern`: context in each request, 2026-07-28 and later. */
export type Era = "legacy" | "modern";

/** What is known of a server; undefined: not found out yet. */
export interface KnownEras {
  readonly legacy: boolean | undefined;
  readonly modern: boolean | undefined;
}

const UNKNOWN: KnownEras = { legacy: undefined, modern: undefined };

/** Remembers which eras each server speaks, for as long as its command is the same. */
export interface EraMemory {
  readonly of: (server: Server) => KnownEras;
  readonly learn: (server: Server, learnt: Partial<KnownEras>) => void;
  /** What was known turned out to be wrong. */
  readonly forget: (server: Server) => void;
}

export function createEraMemory(): EraMemory {
  // As many as there are command lines on the allowlist: no client can make it grow.
  const known = new Map<string, KnownEras>();
  const keyOf = ({ command, program, env }: Server) => JSON.stringify([program, command, env]);
  return {
    of: (server) => known.get(keyOf(server)) ?? UNKNOWN,
    learn: (server, learnt) => {
      const key = keyOf(server);
      known.set(key, { ...(known.get(key) ?? UNKNOWN), ...learnt });
    },
    forget: (server) => void known.delete(keyOf(server)),
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
