import { randomUUID } from "node:crypto";
import type { Identity } from "../../link/identity.ts";
import { type LogLevel, META } from "../../wire/envelope.ts";
import {
  applyEdits,
  type Edit,
  insertMembers,
  isObjectAt,
  membersOf,
  removeMembers,
  type Span,
  textAt,
  valueAt,
} from "../../wire/json-edit.ts";
import { isSessionRevision, NEWEST_SESSION_REVISION, NEWEST_STATELESS_REVISION } from "../../wire/revisions.ts";

/** Requests of one round, more of which no server may want at a time. */
const MAX_INPUT_REQUESTS = 64;

/** Members that results have since 2026-07-28, and that older clients do not know. */
const NEW_IN_RESULTS: ReadonlySet<string> = new Set(["resultType", "ttlMs", "cacheScope"]);

/** Of a name that a server has made up, so much is repeated to its client. */
const MAX_QUOTED = 100;

const RESOURCE_NOT_FOUND = -32002;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;

/** What a legacy client says once, and its requests then carry to a modern server each. */
export interface LegacyClient {
  /** JSON text of its name and version. */
  readonly clientInfo: string;
  /** JSON text of its capabilities, as far as modern servers know them. */
  readonly capabilities: string;
}

/** The members of `_meta` that make a request one of 2026-07-28, as JSON text without braces. */
export function envelopeMembers({ clientInfo, capabilities }: LegacyClient, logLevel: LogLevel | undefined): string {
  const level = logLevel === undefined ? "" : `,"${META.logLevel}":"${logLevel}"`;
  return `"${META.protocolVersion}":"${NEWEST_STATELESS_REVISION}","${META.clientInfo}":${clientInfo},"${META.clientCapabilities}":${capabilities}${level}`;
}

/** A legacy client's request as a modern server takes it. */
export function toModernRequest(line: Buffer, envelope: string): Buffer {
  const params = valueAt(line, ["params"]);
  const whole = { start: line.indexOf("{"), end: line.lastIndexOf("}") + 1 };
  if (params === undefined) return applyEdits(line, [insertMembers(line, whole, `"params":{"_meta":{${envelope}}}`)]);
  const meta = valueAt(line, ["params", "_meta"]);
  if (meta !== undefined && isObjectAt(line, meta)) return applyEdits(line, [insertMembers(line, meta, envelope)]);
  return isObjectAt(line, params) ? applyEdits(line, [insertMembers(line, params, `"_meta":{${envelope}}`)]) : line;
}

/** A request again, with what its server wanted to know. Keys are as the server gave them; responses are JSON text. */
export function retryOf(
  line: Buffer,
  responses: ReadonlyMap<string, string>,
  requestState: string | undefined,
): Buffer {
  const params = valueAt(line, ["params"]);
  const entries = [...responses].map(([key, response]) => `${JSON.stringify(key)}:${response}`).join(",");
  const members = [
    ...(responses.size === 0 ? [] : [`"inputResponses":{${entries}}`]),
    ...(requestState === undefined ? [] : [`"requestState":${requestState}`]),
  ];
  const added = members.join(",");
  if (params !== undefined && isObjectAt(line, params)) return applyEdits(line, [insertMembers(line, params, added)]);
  if (params !== undefined) return applyEdits(line, [{ ...params, text: `{${added}}` }]);
  const whole = { start: line.indexOf("{"), end: line.lastIndexOf("}") + 1 };
  return applyEdits(line, [insertMembers(line, whole, `"params":{${added}}`)]);
}

/** What a modern server wants to know before it goes on (2026-07-28, basic/patterns/mrtr). */
export interface InputRequired {
  /** JSON text of the requests' params, by key. */
  readonly requests: ReadonlyMap<string, { readonly method: string; readonly params: string }>;
  /** JSON text; undefined: it wants none back. */
  readonly requestState: string | undefined;
}

/** Reads an answer that is an InputRequiredResult; undefined: it is another one. */
export function inputRequiredOf(line: Buffer): InputRequired | undefined {
  const type = line.includes('"input_required"') ? valueAt(line, ["result", "resultType"]) : undefined;
  if (type === undefined || textAt(line, type) !== '"input_required"') return undefined;
  const state = valueAt(line, ["result", "requestState"]);
  const wanted = valueAt(line, ["result", "inputRequests"]);
  const requests = new Map<string, { method: string; params: string }>();
  for (const { name, value } of wanted !== undefined && isObjectAt(line, wanted) ? membersOf(line, wanted) : []) {
    if (requests.size >= MAX_INPUT_REQUESTS) break;
    const method = valueAt(line, ["method"], value);
    const params = valueAt(line, ["params"], value);
    if (method === undefined) continue;
    const named: unknown = JSON.parse(textAt(line, method));
    requests.set(name, {
      // What is no text names nothing that a client could be asked for, and is refused for that.
      method: typeof named === "string" ? named : textAt(line, method),
      params: params === undefined || !isObjectAt(line, params) ? "{}" : textAt(line, params),
    });
  }
  const stateText = state === undefined ? "null" : textAt(line, state);
  // Servers that write out what is empty mean no state, and a state must be a text.
  return { requests, requestState: stateText === "null" ? undefined : stateText };
}

/** What a modern server wants to know, as the request that a legacy client gets. `rawId` is JSON text. */
export function toServerRequest(rawId: string, method: string, params: string): Buffer {
  const line = Buffer.from(`{"jsonrpc":"2.0","id":${rawId},"method":${JSON.stringify(method)},"params":${params}}`);
  const mode = method === "elicitation/create" ? valueAt(line, ["params", "mode"]) : undefined;
  if (mode === undefined || textAt(line, mode) !== '"url"') return line;
  const span = valueAt(line, ["params"]);
  if (span === undefined || valueAt(line, ["params", "elicitationId"]) !== undefined) return line;
  // 2025-11-25 has an id for each, by which a notification may tell of its end; nothing else depends on it.
  return applyEdits(line, [insertMembers(line, span, `"elicitationId":"${randomUUID()}"`)]);
}

/** A modern server's answer as a legacy client takes it. */
export function toLegacyAnswer(line: Buffer, method: string): Buffer {
  const result = valueAt(line, ["result"]);
  if (result === undefined) return toLegacyError(line, method);
  if (!isObjectAt(line, result)) return line;
  const type = valueAt(line, ["result", "resultType"]);
  if (type !== undefined && !isComplete(line, type)) return unknownResult(line, type);
  const edits: Edit[] = removeMembers(line, result, (name) => NEW_IN_RESULTS.has(name));
  const meta = valueAt(line, ["result", "_meta"]);
  if (meta !== undefined && isObjectAt(line, meta))
    edits.push(...removeMembers(line, meta, (name) => name === META.serverInfo));
  return applyEdits(line, edits);
}

/** Whether a `resultType` says that the result is the method's own; those that write out what is empty say nothing with null. */
function isComplete(line: Buffer, type: Span): boolean {
  const text = textAt(line, type);
  return text === "null" || JSON.parse(text) === "complete";
}

/** A result of an extension's kind is none to clients that have no kinds: to them it would be the method's own, and broken. */
function unknownResult(line: Buffer, type: Span): Buffer {
  const id = valueAt(line, ["id"]);
  const rawId = id === undefined ? "null" : textAt(line, id);
  const quoted = textAt(line, type).slice(0, MAX_QUOTED);
  const message = `The server answered with a result of the type ${quoted}, which the client's revision of MCP does not have.`;
  const error = JSON.stringify({ code: INTERNAL_ERROR, message });
  return Buffer.from(`{"jsonrpc":"2.0","id":${rawId},"error":${error}}`);
}

/** Before 2026-07-28 a resource that is not there had a code of its own. */
function toLegacyError(line: Buffer, method: string): Buffer {
  const code = method === "resources/read" ? valueAt(line, ["error", "code"]) : undefined;
  if (code === undefined || Number(textAt(line, code)) !== INVALID_PARAMS) return line;
  if (valueAt(line, ["error", "data", "uri"]) === undefined) return line;
  return applyEdits(line, [{ ...code, text: String(RESOURCE_NOT_FOUND) }]);
}

/** A notification of a subscription, without what only modern clients know. */
export function toLegacyNotification(line: Buffer): Buffer {
  const meta = valueAt(line, ["params", "_meta"]);
  if (meta === undefined || !isObjectAt(line, meta)) return line;
  return applyEdits(
    line,
    removeMembers(line, meta, (name) => name === META.subscriptionId),
  );
}

/** The result of `initialize`, as JSON text, made of what a server said when it was asked who it is. */
export function initializeResult(identity: Identity, requestedRevision: unknown, serverName: string): string {
  const { era, result, capabilities, serverInfo } = identity;
  if (era === "legacy") return JSON.stringify(result);
  const { extensions: _extensions, ...shared } = capabilities;
  const agreed = typeof requestedRevision === "string" && isSessionRevision(requestedRevision);
  const { instructions } = result;
  return JSON.stringify({
    protocolVersion: agreed ? requestedRevision : NEWEST_SESSION_REVISION,
    capabilities: shared,
    serverInfo: serverInfo ?? { name: serverName, version: "unknown" },
    ...(typeof instructions === "string" ? { instructions } : {}),
  });
}

/** The `subscriptions/listen` of one client for all that it may want to hear. */
export function listenRequest(identity: Identity, uris: readonly string[], envelope: string): Buffer {
  const { tools, prompts, resources } = identity.capabilities;
  const hasChanges = (capability: unknown) =>
    typeof capability === "object" &&
    capability !== null &&
    "listChanged" in capability &&
    capability.listChanged === true;
  const notifications = {
    ...(hasChanges(tools) ? { toolsListChanged: true } : {}),
    ...(hasChanges(prompts) ? { promptsListChanged: true } : {}),
    ...(hasChanges(resources) ? { resourcesListChanged: true } : {}),
    ...(uris.length > 0 ? { resourceSubscriptions: uris } : {}),
  };
  const params = `{"notifications":${JSON.stringify(notifications)},"_meta":{${envelope}}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":0,"method":"subscriptions/listen","params":${params}}`);
}

/** Whether a server has anything to tell that a client can listen to without naming a resource. */
export function hasListNotifications({ capabilities }: Identity): boolean {
  return ["tools", "prompts", "resources"].some((name) => {
    const capability = capabilities[name];
    return (
      typeof capability === "object" &&
      capability !== null &&
      "listChanged" in capability &&
      capability.listChanged === true
    );
  });
}
