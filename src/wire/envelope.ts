import { isRecord } from "../base/record.ts";
import { textAt, valueAt } from "./json-edit.ts";

/** Keys of `_meta` that revision 2026-07-28 puts on requests, results and notifications (basic/index, "_meta"). */
export const META = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  logLevel: "io.modelcontextprotocol/logLevel",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
  serverInfo: "io.modelcontextprotocol/serverInfo",
} as const;

/** Severities of log messages, the least severe first (server/utilities/logging; RFC 5424, section 6.2.1). */
export const LOG_LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function isLogLevel(value: unknown): value is LogLevel {
  return LOG_LEVELS.some((level) => level === value);
}

/** What a request of 2026-07-28 says about itself and its client (basic/index, "Per-request protocol fields"). */
export interface Envelope {
  readonly revision: string;
  /** JSON text; undefined: the client does not name itself. */
  readonly clientInfo: string | undefined;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** Log messages about the request are wanted from this severity on; undefined: none are. */
  readonly logLevel: LogLevel | undefined;
}

/** What is wrong with an envelope, as a sentence. */
export interface EnvelopeFlaw {
  readonly flaw: string;
}

/** Whether a message carries a field of the envelope: only requests of 2026-07-28 and later do. */
export function hasEnvelope(line: Buffer): boolean {
  return (
    line.includes("io.modelcontextprotocol/") && valueAt(line, ["params", "_meta", META.protocolVersion]) !== undefined
  );
}

/** Reads the envelope of a request that has been validated as JSON-RPC. */
export function readEnvelope(line: Buffer): Envelope | EnvelopeFlaw {
  const span = valueAt(line, ["params", "_meta"]);
  const meta: unknown = span === undefined ? undefined : JSON.parse(textAt(line, span));
  const fields: Readonly<Record<string, unknown>> = isRecord(meta) ? meta : {};
  const revision = fields[META.protocolVersion];
  const capabilities = fields[META.clientCapabilities];
  const clientInfo = fields[META.clientInfo];
  const logLevel = fields[META.logLevel];
  if (typeof revision !== "string") return { flaw: `params._meta must have "${META.protocolVersion}", a string.` };
  if (!isRecord(capabilities)) return { flaw: `params._meta must have "${META.clientCapabilities}", an object.` };
  if (logLevel !== undefined && !isLogLevel(logLevel)) {
    return { flaw: `"${META.logLevel}" in params._meta must be one of ${LOG_LEVELS.join(", ")}.` };
  }
  if (clientInfo !== undefined && !isRecord(clientInfo)) {
    return { flaw: `"${META.clientInfo}" in params._meta must be an object.` };
  }
  return {
    revision,
    capabilities,
    logLevel,
    clientInfo: clientInfo === undefined ? undefined : JSON.stringify(clientInfo),
  };
}
