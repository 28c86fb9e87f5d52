import type { Lease } from "../link/family.ts";
import { META } from "../wire/envelope.ts";
import { type ParamHeader, paramHeadersOf } from "../wire/param-headers.ts";
import { NEWEST_STATELESS_REVISION } from "../wire/revisions.ts";

/** Pages of one list that are looked at. */
const MAX_PAGES = 50;

/** What was read is not asked for again so soon, whatever a client claims. */
const FRESH_MS = 1_000;

/** A list is read anew after so long even if nobody says that it has changed. */
const STALE_MS = 60_000;

/** A server that does not list its tools in this time is taken for one that wants no headers. */
const LIST_MS = 10_000;

interface Listed {
  readonly at: number;
  readonly headers: Promise<ReadonlyMap<string, readonly ParamHeader[]>>;
}

/** Which headers the tools of a server want beside their arguments (2026-07-28, server/tools, "x-mcp-header"). */
export interface ToolHeaders {
  /** Headers of a tool; `fresh`: of a list that has just been read. */
  readonly of: (lease: Lease, tool: string, fresh: boolean) => Promise<readonly ParamHeader[]>;
  /** A list has changed. */
  readonly forget: (kin: object) => void;
}

export function createToolHeaders(): ToolHeaders {
  const known = new WeakMap<object, Listed>();
  return {
    of: async (lease, tool, fresh) => {
      const now = performance.now();
      const listed = known.get(lease.kin);
      const isGood = listed !== undefined && now - listed.at < (fresh ? FRESH_MS : STALE_MS);
      const current = isGood ? listed : { at: now, headers: listHeaders(lease) };
      known.set(lease.kin, current);
      return (await current.headers).get(tool) ?? [];
    },
    forget: (kin) => void known.delete(kin),
  };
}

async function listHeaders(lease: Lease): Promise<ReadonlyMap<string, readonly ParamHeader[]>> {
  const headers = new Map<string, readonly ParamHeader[]>();
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await listPage(lease, cursor);
    if (result === undefined) break;
    for (const tool of Array.isArray(result["tools"]) ? result["tools"] : []) {
      if (!isRecord(tool) || typeof tool["name"] !== "string") continue;
      const wanted = paramHeadersOf(tool["inputSchema"]);
      // Clients leave a tool out whose annotations are wrong, and need not know what to send for it.
      if (wanted !== "invalid" && wanted.length > 0) headers.set(tool["name"], wanted);
    }
    cursor = result["nextCursor"];
    if (cursor === undefined) break;
  }
  return headers;
}

function listPage({ link, identity }: Lease, cursor: unknown): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { promise, resolve } = Promise.withResolvers<Readonly<Record<string, unknown>> | undefined>();
  const meta = { [META.protocolVersion]: NEWEST_STATELESS_REVISION, [META.clientCapabilities]: {} };
  const params = { ...(cursor === undefined ? {} : { cursor }), ...(identity.era === "modern" ? { _meta: meta } : {}) };
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 0, method: "tools/list", params }));
  const timer = setTimeout(resolve, LIST_MS, undefined);
  const done = (result: Readonly<Record<string, unknown>> | undefined) => {
    clearTimeout(timer);
    resolve(result);
  };
  try {
    link.call(
      { line, method: "tools/list" },
      {
        onNotification: () => undefined,
        onAnswer: (answer) => {
          const parsed: unknown = JSON.parse(answer.toString());
          const result = isRecord(parsed) ? parsed["result"] : undefined;
          done(isRecord(result) ? result : undefined);
          return undefined;
        },
        onFailure: () => done(undefined),
      },
    );
  } catch {
    done(undefined);
  }
  return promise;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
