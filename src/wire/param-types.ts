import { isObjectAt, membersOf, type Span, textAt, valueAt } from "./json-edit.ts";

/**
 * What is wrong with the types of a request's `params`, as far as the proxy reads them itself, as a sentence; undefined: nothing is.
 * Whatever reads them afterwards need not fear an object where a text belongs. What the proxy does not read is the server's to refuse,
 * and so is what is missing; null counts as missing, since programs write it that put down every member they know.
 *
 * MCP 2026-07-28: schema.ts, the params of `tools/call`, `prompts/get`, `resources/read`, `subscriptions/listen` and of retries.
 */
export function paramsFlaw(line: Buffer, method: string): string | undefined {
  const params = valueAt(line, ["params"]);
  if (params === undefined || isNull(line, params)) return undefined;
  if (!isObjectAt(line, params)) return flaw(line, params, "params", "an object");
  for (const { name, value } of membersOf(line, params)) {
    const found = isNull(line, value) ? undefined : memberFlaw(line, method, name, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Methods whose `params` have such a member, which says what the request is about. */
const NAMED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["name", new Set(["tools/call", "prompts/get"])],
  ["uri", new Set(["resources/read", "resources/subscribe", "resources/unsubscribe"])],
]);

function memberFlaw(line: Buffer, method: string, name: string, value: Span): string | undefined {
  if (NAMED.get(name)?.has(method) === true || name === "requestState")
    return isString(line, value) ? undefined : flaw(line, value, `params.${name}`, "a string");
  if (name === "inputResponses") return responsesFlaw(line, value);
  if (name === "notifications" && method === "subscriptions/listen") return filterFlaw(line, value);
  if (name === "_meta") return progressTokenFlaw(line);
  return undefined;
}

function responsesFlaw(line: Buffer, responses: Span): string | undefined {
  if (!isObjectAt(line, responses)) return flaw(line, responses, "params.inputResponses", "an object");
  const odd = membersOf(line, responses).find(({ value }) => !isObjectAt(line, value));
  return odd === undefined ? undefined : flaw(line, odd.value, "each of params.inputResponses", "an object");
}

function filterFlaw(line: Buffer, filter: Span): string | undefined {
  if (!isObjectAt(line, filter)) return flaw(line, filter, "params.notifications", "an object");
  const span = valueAt(line, ["resourceSubscriptions"], filter);
  const uris: unknown = span === undefined ? undefined : JSON.parse(textAt(line, span));
  if (uris === undefined || uris === null) return undefined;
  return Array.isArray(uris) && uris.every((uri) => typeof uri === "string")
    ? undefined
    : "params.notifications.resourceSubscriptions must be a list of strings.";
}

/** Why a request's progress token is none (basic/utilities/progress); undefined: it is one, or there is none. */
export function progressTokenFlaw(line: Buffer): string | undefined {
  const token = line.includes("progressToken") ? valueAt(line, ["params", "_meta", "progressToken"]) : undefined;
  if (token === undefined || isNull(line, token) || isString(line, token) || kindAt(line, token) === "a number")
    return undefined;
  return flaw(line, token, "params._meta.progressToken", "a string or a number");
}

function flaw(line: Buffer, value: Span, what: string, wanted: string): string {
  return `${what} must be ${wanted}, not ${kindAt(line, value)}.`;
}

function isNull(line: Buffer, value: Span): boolean {
  return value.end - value.start === 4 && textAt(line, value) === "null";
}

function isString(line: Buffer, value: Span): boolean {
  return line[value.start] === 0x22;
}

/** What a JSON value is, by its first byte. */
function kindAt(line: Buffer, { start }: Span): string {
  switch (String.fromCharCode(line[start] ?? 0)) {
    case '"':
      return "a string";
    case "{":
      return "an object";
    case "[":
      return "a list";
    case "t":
    case "f":
      return "true or false";
    case "n":
      return "null";
    default:
      return "a number";
  }
}
