import { ProxyError } from "../base/errors.ts";
import { isRecord } from "../base/record.ts";
import type { Call } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import type { Notifications } from "../pool/notifications.ts";
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

/** One that is mute is asked again after so long, or when it says that its list has changed: it delays one call, and not every one. */
const MUTE_MS = 10 * 60_000;

interface Listed {
  readonly at: number;
  /** The changes of the list before it was read. */
  readonly changes: number;
  readonly headers: Promise<Headers>;
  /** It gave no answer in time. */
  isMute: boolean;
}

/** What was found out of the tools that want headers. `lost`: the child is gone or busy. `mute`: it does not answer. */
type Headers = ReadonlyMap<string, readonly ParamHeader[]> | "lost" | "mute";

/** Which headers the tools of a server want beside their arguments (2026-07-28, server/tools, "x-mcp-header"). */
export interface ToolHeaders {
  /** Headers of a tool; `fresh`: of a list that has just been read. `notifications` tells when a list has changed. */
  readonly of: (
    lease: Lease,
    notifications: Notifications,
    tool: string,
    fresh: boolean,
  ) => Promise<readonly ParamHeader[]>;
}

/** @param listMs milliseconds that a server may take for one page of its list. */
export function createToolHeaders(listMs: number = LIST_MS): ToolHeaders {
  const known = new WeakMap<object, Listed>();
  return {
    of: async (lease, notifications, tool, fresh) => {
      const now = performance.now();
      const changes = notifications.toolChanges();
      const listed = known.get(lease.variant);
      const goodMs = listed?.isMute === true ? MUTE_MS : fresh ? FRESH_MS : STALE_MS;
      const isGood = listed !== undefined && listed.changes === changes && now - listed.at < goodMs;
      const current: Listed = isGood
        ? listed
        : { at: now, changes, headers: listHeaders(lease, listMs), isMute: false };
      known.set(lease.variant, current);
      const headers = await current.headers;
      if (typeof headers !== "string") return headers.get(tool) ?? [];
      if (headers === "mute") current.isMute = true;
      // The loss of a child says nothing of the next one.
      else if (known.get(lease.variant) === current) known.delete(lease.variant);
      return [];
    },
  };
}

/** The headers of all tools that want some. */
async function listHeaders(lease: Lease, listMs: number): Promise<Headers> {
  const headers = new Map<string, readonly ParamHeader[]>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await listPage(lease, cursor, listMs);
    if (result === "lost" || result === "mute") return result;
    for (const tool of Array.isArray(result["tools"]) ? result["tools"] : []) {
      if (!isRecord(tool) || typeof tool["name"] !== "string") continue;
      const wanted = paramHeadersOf(tool["inputSchema"]);
      // Clients leave a tool out whose annotations are wrong, and need not know what to send for it.
      if (wanted !== "invalid" && wanted.length > 0) headers.set(tool["name"], wanted);
    }
    const next = result["nextCursor"];
    // Servers that write out what is empty say null on the last page, and with null the first would be read again.
    if (typeof next !== "string" || next === cursor) break;
    cursor = next;
  }
  return headers;
}

type Page = Readonly<Record<string, unknown>> | "lost" | "mute";

function listPage({ link, identity }: Lease, cursor: string | undefined, listMs: number): Promise<Page> {
  const { promise, resolve } = Promise.withResolvers<Page>();
  const meta = { [META.protocolVersion]: NEWEST_STATELESS_REVISION, [META.clientCapabilities]: {} };
  const params = { ...(cursor === undefined ? {} : { cursor }), ...(identity.era === "modern" ? { _meta: meta } : {}) };
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 0, method: "tools/list", params }));
  let call: Call | undefined;
  const timer = setTimeout(() => {
    call?.cancel("the list of tools took too long");
    resolve("mute");
  }, listMs);
  const done = (result: Page) => {
    clearTimeout(timer);
    resolve(result);
  };
  try {
    call = link.call(
      { line, method: "tools/list" },
      {
        onNotification: () => undefined,
        onAnswer: (answer) => {
          const parsed: unknown = JSON.parse(answer.toString());
          const result = isRecord(parsed) ? parsed["result"] : undefined;
          // An error is an answer, too: there are no tools.
          done(isRecord(result) ? result : {});
          return undefined;
        },
        onFailure: () => done("lost"),
      },
    );
  } catch (error) {
    clearTimeout(timer);
    if (!(error instanceof ProxyError)) throw error;
    resolve("lost");
  }
  return promise;
}
