import type { Fields } from "../guard/guard.ts";

/**
 * For so long a connection that is idle between requests is kept at the least: longer than hops in front keep theirs (60 s
 * at nginx, at AWS's balancers and in .NET), or they send a request into one that is being closed.
 */
const KEEP_ALIVE_SECONDS = 75;

/** Bun ends a connection that is quiet for so long between requests, or within one; event streams are exempt. */
export const CONNECTION_IDLE_SECONDS = KEEP_ALIVE_SECONDS + 5;

/** What every answer tells about its connection. */
export const KEEP_ALIVE_FIELDS: Fields = { "keep-alive": `timeout=${KEEP_ALIVE_SECONDS}` };
