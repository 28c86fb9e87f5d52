import { isRecord } from "../base/record.ts";
import { META } from "../wire/envelope.ts";
import { isSessionRevision, isStatelessRevision } from "../wire/revisions.ts";
import type { Era } from "./eras.ts";

/** Who a child says it is, from its answer to `initialize` or `server/discover`. */
export interface Identity {
  readonly era: Era;
  /** The whole result, as the child wrote it. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** Name and version; undefined: it does not say. */
  readonly serverInfo: unknown;
  /** Revisions that it speaks: the agreed one of a legacy child. */
  readonly revisions: readonly string[];
}

/** Reads the result of `initialize` (2025-11-25, basic/lifecycle); undefined: it is none. */
export function identityOfInitialize(result: unknown): Identity | undefined {
  if (!isRecord(result)) return undefined;
  const { protocolVersion, capabilities, serverInfo } = result;
  if (typeof protocolVersion !== "string") return undefined;
  return {
    era: "legacy",
    result,
    capabilities: isRecord(capabilities) ? capabilities : {},
    serverInfo,
    revisions: [protocolVersion],
  };
}

/** Reads a DiscoverResult (2026-07-28, server/discover); undefined: it is none, whoever answers so is not modern. */
export function identityOfDiscover(result: unknown): Identity | undefined {
  if (!isRecord(result)) return undefined;
  const { supportedVersions, capabilities, _meta } = result;
  if (!Array.isArray(supportedVersions) || !isRecord(capabilities)) return undefined;
  // One that has the method and none of the revisions that go with it is to be met as its revisions want.
  if (!supportedVersions.some(isStatelessRevision)) return undefined;
  return {
    era: "modern",
    result,
    capabilities,
    serverInfo: isRecord(_meta) ? _meta[META.serverInfo] : undefined,
    revisions: supportedVersions.filter((version) => typeof version === "string"),
  };
}

/** Whether a modern child says that it takes an `initialize`, too. */
export function isDualEra({ revisions }: Identity): boolean {
  return revisions.some(isSessionRevision);
}
