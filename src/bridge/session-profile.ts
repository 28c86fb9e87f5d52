import { isRecord } from "../base/record.ts";
import type { Profile } from "../link/handshake.ts";
import { jsonAt } from "../wire/json-value.ts";
import { NEWEST_SESSION_REVISION } from "../wire/revisions.ts";
import { mayBeAsked, sharedCapabilities } from "./messages/capabilities.ts";

/** What a legacy client says of itself. */
export interface ClientProfile {
  /** How a child is to be initialised for it. */
  readonly profile: Profile;
  /** The revision that it asked for, if that is a text. */
  readonly requestedRevision: string | undefined;
  /** Whether it can be asked for something. */
  readonly isAskable: boolean;
}

/** Reads an `initialize` request (2025-11-25, basic/lifecycle). What is missing or no such thing counts as not said. */
export function readClientProfile(line: Buffer): ClientProfile {
  const params = jsonAt(line, ["params"]);
  const { protocolVersion, capabilities, clientInfo } = isRecord(params) ? params : {};
  const declared = sharedCapabilities(isRecord(capabilities) ? capabilities : {});
  const requestedRevision = typeof protocolVersion === "string" ? protocolVersion : undefined;
  return {
    profile: {
      revision: requestedRevision ?? NEWEST_SESSION_REVISION,
      capabilities: JSON.stringify(declared),
      clientInfo: JSON.stringify(isRecord(clientInfo) ? clientInfo : { name: "unknown", version: "unknown" }),
      hasRoots: declared["roots"] !== undefined,
    },
    requestedRevision,
    isAskable: mayBeAsked(declared),
  };
}
