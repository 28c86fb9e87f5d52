/** Most messages have no such member, and a search for its name costs next to nothing. */
const PROGRESS_TOKEN = Buffer.from('"progressToken"');

/**
 * The progress token of a request (`params._meta.progressToken`) or of a progress notification (`params.progressToken`),
 * as JSON text; undefined: none. MCP: basic utilities, progress.
 */
export function progressTokenOf(line: Buffer): string | undefined {
  if (!line.includes(PROGRESS_TOKEN)) return undefined;
  const params = paramsOf(line);
  const meta = params?.["_meta"];
  const token = params?.["progressToken"] ?? (isRecord(meta) ? meta["progressToken"] : undefined);
  return typeof token === "string" || typeof token === "number" ? JSON.stringify(token) : undefined;
}

/** The request that a `notifications/cancelled` is about, as the key of its id. MCP: basic utilities, cancellation. */
export function cancelledRequestOf(line: Buffer): string | undefined {
  const id = paramsOf(line)?.["requestId"];
  return typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined;
}

function paramsOf(line: Buffer): Record<string, unknown> | undefined {
  const message: unknown = JSON.parse(line.toString());
  const params = isRecord(message) ? message["params"] : undefined;
  return isRecord(params) ? params : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
