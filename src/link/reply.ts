import { isRecord } from "../base/record.ts";
import { isSessionRevision } from "../wire/revisions.ts";
import { type Identity, identityOfDiscover, identityOfInitialize } from "./identity.ts";

/** What became of a question to a child. */
export type Reply =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "error"; readonly error: unknown }
  /** The child is gone. */
  | { readonly kind: "ended" };

/** UnsupportedProtocolVersionError (2026-07-28, basic/versioning). */
const UNSUPPORTED_REVISION = -32022;

/** Revisions of a refusal that are passed on. */
const MAX_REVISIONS = 20;

/**
 * What an answer to `server/discover` says of the child (2026-07-28, basic/transports/stdio, "Backward Compatibility").
 * `unsupported`: it is modern, and speaks none of the revisions that the proxy does. `legacy`: anything else.
 */
export type DiscoverVerdict =
  | { readonly kind: "modern"; readonly identity: Identity }
  | { readonly kind: "unsupported"; readonly supported: readonly string[] }
  | { readonly kind: "legacy" };

export function judgeDiscover(reply: Exclude<Reply, { kind: "ended" }>): DiscoverVerdict {
  if (reply.kind === "result") {
    const identity = identityOfDiscover(reply.result);
    return identity === undefined ? { kind: "legacy" } : { kind: "modern", identity };
  }
  const supported = supportedRevisions(reply.error);
  return supported === undefined ? { kind: "legacy" } : { kind: "unsupported", supported };
}

/**
 * What an answer to `initialize` says of the child. `modern`: the refusal proves it, since only a modern server lists revisions
 * that have no handshake. `refused`: it may be modern, or dislike its client.
 */
export type InitializeVerdict =
  | { readonly kind: "legacy"; readonly identity: Identity }
  | { readonly kind: "modern" }
  | { readonly kind: "refused" };

export function judgeInitialize(reply: Exclude<Reply, { kind: "ended" }>): InitializeVerdict {
  if (reply.kind === "result") {
    const identity = identityOfInitialize(reply.result);
    return identity === undefined ? { kind: "refused" } : { kind: "legacy", identity };
  }
  const supported = supportedRevisions(reply.error) ?? [];
  return supported.some((revision) => !isSessionRevision(revision)) ? { kind: "modern" } : { kind: "refused" };
}

/** The revisions that a refusal of ours lists; undefined: it refuses something else. */
function supportedRevisions(error: unknown): readonly string[] | undefined {
  if (!isRecord(error) || error["code"] !== UNSUPPORTED_REVISION) return undefined;
  const { data } = error;
  if (!isRecord(data) || !Array.isArray(data["supported"])) return undefined;
  return data["supported"].filter((revision) => typeof revision === "string").slice(0, MAX_REVISIONS);
}
