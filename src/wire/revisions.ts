/** Revisions of MCP that have an initialize handshake and sessions, oldest first. */
export const SESSION_REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] as const;
export type SessionRevision = (typeof SESSION_REVISIONS)[number];

/** Revisions whose requests carry all of their context themselves, newest last. */
export const STATELESS_REVISIONS = ["2026-07-28"] as const;
export type StatelessRevision = (typeof STATELESS_REVISIONS)[number];

/** What the proxy itself says to a child, where no client has a wish of its own. */
export const NEWEST_SESSION_REVISION: SessionRevision = "2025-11-25";
export const NEWEST_STATELESS_REVISION: StatelessRevision = "2026-07-28";

/** All revisions that a client may speak on `/mcp`, the newest first: 2024-11-05 has a transport of its own. */
export const MCP_ROUTE_REVISIONS: readonly string[] = [...SESSION_REVISIONS.slice(1), ...STATELESS_REVISIONS].reverse();

export function isStatelessRevision(text: unknown): text is StatelessRevision {
  return STATELESS_REVISIONS.some((revision) => revision === text);
}

/** What a request without MCP-Protocol-Version speaks (2025-06-18, transports, "Protocol Version Header"). */
export const ASSUMED_REVISION: SessionRevision = "2025-03-26";

export function isSessionRevision(text: string): text is SessionRevision {
  return SESSION_REVISIONS.some((revision) => revision === text);
}

/** JSON-RPC batches came with 2025-03-26 and went with the next revision. */
export function allowsBatches(revision: SessionRevision): boolean {
  return revision === "2025-03-26";
}

/**
 * Whether an event stream begins with an event that has an id and empty data, so that the client can come back before
 * anything was said (2025-11-25, transports). Clients of older revisions take the empty data for broken JSON.
 */
export function hasPrimingEvent(revision: SessionRevision): boolean {
  return revision === "2025-11-25";
}
