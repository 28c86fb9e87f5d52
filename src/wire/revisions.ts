/** Revisions of MCP that have an initialize handshake and sessions, oldest first. */
export const SESSION_REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] as const;
export type SessionRevision = (typeof SESSION_REVISIONS)[number];

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
