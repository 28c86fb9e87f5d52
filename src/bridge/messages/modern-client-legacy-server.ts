import type { Identity } from "../../link/identity.ts";
import { META } from "../../wire/envelope.ts";
import {
  applyEdits,
  type Edit,
  insertMembers,
  isObjectAt,
  membersOf,
  removeMembers,
  textAt,
  valueAt,
} from "../../wire/json-edit.ts";

/** How long a client may take a legacy server's lists for fresh: it says nothing of it, so not at all. */
const CACHE = '"ttlMs":0,"cacheScope":"private"';

/** Results that say how long they are fresh (2026-07-28, server/utilities/caching). */
const CACHEABLE: ReadonlySet<string> = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

const ENVELOPE: ReadonlySet<string> = new Set([
  META.protocolVersion,
  META.clientInfo,
  META.clientCapabilities,
  META.logLevel,
]);

const RESOURCE_NOT_FOUND = -32002;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const URL_ELICITATION_REQUIRED = -32042;

/** A modern client's request as a legacy server takes it: without the envelope, and without what answers it brings along. */
export function toLegacyRequest(line: Buffer): Buffer {
  const edits: Edit[] = [];
  const params = valueAt(line, ["params"]);
  if (params === undefined || !isObjectAt(line, params)) return line;
  const meta = valueAt(line, ["params", "_meta"]);
  if (meta !== undefined && isObjectAt(line, meta))
    edits.push(...removeMembers(line, meta, (name) => ENVELOPE.has(name)));
  if (line.includes('"inputResponses"') || line.includes('"requestState"')) {
    const withoutMeta = applyEdits(line, edits);
    const span = valueAt(withoutMeta, ["params"]);
    if (span === undefined) return withoutMeta;
    const isRound = (name: string) => name === "inputResponses" || name === "requestState";
    return applyEdits(withoutMeta, removeMembers(withoutMeta, span, isRound));
  }
  return applyEdits(line, edits);
}

/** A legacy server's answer as a modern client takes it. `id` and the rest of the content stay as they are. */
export function toModernAnswer(line: Buffer, method: string, identity: Identity): Buffer {
  const result = valueAt(line, ["result"]);
  if (result === undefined) return toModernError(line, method);
  if (!isObjectAt(line, result)) return line;
  const names = new Set(membersOf(line, result).map(({ name }) => name));
  const added: string[] = [];
  if (!names.has("resultType")) added.push('"resultType":"complete"');
  if (CACHEABLE.has(method)) {
    if (!names.has("ttlMs") && !names.has("cacheScope")) added.push(CACHE);
    else if (!names.has("ttlMs")) added.push('"ttlMs":0');
    else if (!names.has("cacheScope")) added.push('"cacheScope":"private"');
  }
  const edits: Edit[] = [];
  const meta = valueAt(line, ["result", "_meta"]);
  if (identity.serverInfo !== undefined) {
    const info = `${JSON.stringify(META.serverInfo)}:${JSON.stringify(identity.serverInfo)}`;
    if (meta === undefined) added.push(`"_meta":{${info}}`);
    else if (isObjectAt(line, meta)) edits.push(insertMembers(line, meta, info));
  }
  if (added.length > 0) edits.push(insertMembers(line, result, added.join(",")));
  return applyEdits(line, edits);
}

/**
 * 2026-07-28 has another code for a resource that is not there, and wants to be told which one. It has none for URLs to visit
 * (basic/index, "Error Codes": -32042 must not be sent), which is what is left here of those that name no URL.
 */
function toModernError(line: Buffer, method: string): Buffer {
  const code = valueAt(line, ["error", "code"]);
  if (code === undefined) return line;
  const number = Number(textAt(line, code));
  if (number === URL_ELICITATION_REQUIRED) return applyEdits(line, [{ ...code, text: String(INTERNAL_ERROR) }]);
  if (number !== RESOURCE_NOT_FOUND || method !== "resources/read") return line;
  return applyEdits(line, [{ ...code, text: String(INVALID_PARAMS) }]);
}

/** Adds what a modern client wants to know of a resource that is not there: its URI, where the server left it out. */
export function withMissingUri(line: Buffer, uri: string): Buffer {
  const error = valueAt(line, ["error"]);
  const code = valueAt(line, ["error", "code"]);
  if (error === undefined || code === undefined || Number(textAt(line, code)) !== INVALID_PARAMS) return line;
  const data = valueAt(line, ["error", "data"]);
  if (data === undefined)
    return applyEdits(line, [insertMembers(line, error, `"data":{"uri":${JSON.stringify(uri)}}`)]);
  if (!isObjectAt(line, data) || valueAt(line, ["error", "data", "uri"]) !== undefined) return line;
  return applyEdits(line, [insertMembers(line, data, `"uri":${JSON.stringify(uri)}`)]);
}

/** The DiscoverResult of a server, as JSON text: a legacy one is described by what it said when it was initialised. */
export function discoverResult(identity: Identity, supportedVersions: readonly string[]): string {
  if (identity.era === "modern") return JSON.stringify({ ...identity.result, supportedVersions });
  const { tasks: _tasks, ...capabilities } = identity.capabilities;
  const { instructions } = identity.result;
  return JSON.stringify({
    resultType: "complete",
    supportedVersions,
    capabilities,
    ...(typeof instructions === "string" ? { instructions } : {}),
    ttlMs: 0,
    cacheScope: "private",
    ...(identity.serverInfo === undefined ? {} : { _meta: { [META.serverInfo]: identity.serverInfo } }),
  });
}

/** A request of a legacy server to its client, as one of the `inputRequests` (JSON text) of a result. */
export function toInputRequest(line: Buffer, method: string): string {
  const params = valueAt(line, ["params"]);
  if (params === undefined || !isObjectAt(line, params)) return `{"method":${JSON.stringify(method)},"params":{}}`;
  const own = line.subarray(params.start, params.end);
  const whole = { start: 0, end: own.length };
  // Made for the other pattern: a notification that never comes, progress and tasks of the client.
  const isGone = (name: string) => name === "elicitationId" || name === "task";
  return `{"method":${JSON.stringify(method)},"params":${applyEdits(own, removeMembers(own, whole, isGone)).toString()}}`;
}

/** An InputRequiredResult as the answer to a request (2026-07-28, basic/patterns/mrtr). Ids and requests are JSON text. */
export function inputRequiredAnswer(
  rawId: string,
  inputRequests: ReadonlyMap<string, string>,
  requestState: string | undefined,
  identity: Identity,
): Buffer {
  const requests = [...inputRequests].map(([key, request]) => `${JSON.stringify(key)}:${request}`).join(",");
  const state = requestState === undefined ? "" : `,"requestState":${JSON.stringify(requestState)}`;
  const meta =
    identity.serverInfo === undefined
      ? ""
      : `,"_meta":{${JSON.stringify(META.serverInfo)}:${JSON.stringify(identity.serverInfo)}}`;
  return Buffer.from(
    `{"jsonrpc":"2.0","id":${rawId},"result":{"resultType":"input_required","inputRequests":{${requests}}${state}${meta}}}`,
  );
}

/** What a client brought along for the input that it was asked for: JSON text by key. Anything but objects is passed over. */
export function inputResponsesOf(line: Buffer): ReadonlyMap<string, string> {
  const responses = new Map<string, string>();
  const span = valueAt(line, ["params", "inputResponses"]);
  if (span === undefined || !isObjectAt(line, span)) return responses;
  for (const { name, value } of membersOf(line, span)) {
    if (isObjectAt(line, value)) responses.set(name, textAt(line, value));
  }
  return responses;
}

/**
 * The elicitations of a legacy server's error -32042: it wants its client to visit URLs, and then to ask again. undefined: it is
 * another error, or names nothing that a client could be asked.
 */
export function urlElicitationsOf(line: Buffer): readonly string[] | undefined {
  const code = valueAt(line, ["error", "code"]);
  if (code === undefined || Number(textAt(line, code)) !== URL_ELICITATION_REQUIRED) return undefined;
  const span = valueAt(line, ["error", "data", "elicitations"]);
  const elicitations: unknown = span === undefined ? undefined : JSON.parse(textAt(line, span));
  if (!Array.isArray(elicitations) || elicitations.length === 0 || !elicitations.every(isElicitation)) return undefined;
  return elicitations.map(({ elicitationId: _id, ...params }) =>
    JSON.stringify({ method: "elicitation/create", params: { ...params, mode: "url" } }),
  );
}

/** What a client must be told of a URL (client/elicitation, "URL Mode Elicitation Requests"). */
interface UrlElicitation {
  readonly url: string;
  readonly message: string;
  readonly elicitationId?: unknown;
}

function isElicitation(value: unknown): value is UrlElicitation {
  if (typeof value !== "object" || value === null || !("url" in value) || !("message" in value)) return false;
  return typeof value.url === "string" && typeof value.message === "string";
}

/** A notification of a child as one of a subscription: with the subscription's id, which is that of its request. */
export function withSubscriptionId(line: Buffer, rawId: string): Buffer {
  const member = `${JSON.stringify(META.subscriptionId)}:${rawId}`;
  const whole = { start: line.indexOf("{"), end: line.lastIndexOf("}") + 1 };
  const params = valueAt(line, ["params"]);
  if (params === undefined) return applyEdits(line, [insertMembers(line, whole, `"params":{"_meta":{${member}}}`)]);
  // Servers that write out what is empty may say null.
  if (!isObjectAt(line, params)) return applyEdits(line, [{ ...params, text: `{"_meta":{${member}}}` }]);
  const meta = valueAt(line, ["params", "_meta"]);
  if (meta === undefined) return applyEdits(line, [insertMembers(line, params, `"_meta":{${member}}`)]);
  if (!isObjectAt(line, meta)) return applyEdits(line, [{ ...meta, text: `{${member}}` }]);
  return applyEdits(line, [insertMembers(line, meta, member)]);
}
