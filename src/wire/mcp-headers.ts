import { isUtf8 } from "node:buffer";
import { differingHeader, malformedHeader, missingHeader, unreadableHeader } from "./header-faults.ts";

/** Header values of a request as they came; null: no such header. */
export interface StandardHeaders {
  readonly protocolVersion: string | null;
  readonly method: string | null;
  readonly name: string | null;
}

/**
 * What the headers of a request repeat of its body; undefined: the body has no such string.
 *
 * `protocolVersion` is `io.modelcontextprotocol/protocolVersion` of `params._meta`, `name` the `params.name` or
 * `params.uri` that the method has.
 */
export interface BodyFacts {
  readonly protocolVersion: string | undefined;
  readonly method: string;
  readonly name: string | undefined;
}

/** Where the methods that need `Mcp-Name` have the value that it repeats. */
const NAME_SOURCES: ReadonlyMap<string, string> = new Map([
  ["tools/call", "params.name"],
  ["prompts/get", "params.name"],
  ["resources/read", "params.uri"],
]);

/**
 * Holds the standard headers of a request to its body: a hop that routes by headers and a server that acts on the body
 * must not be made to see two requests.
 *
 * A body without the version or the name is left to whoever checks the parameters: that is another error.
 *
 * @returns undefined: they agree; else a sentence for the `HeaderMismatch` error. MCP 2026-07-28: Streamable HTTP, "Server
 *   Validation".
 */
export function headerMismatch(headers: StandardHeaders, body: BodyFacts): string | undefined {
  return (
    plainMismatch(
      "MCP-Protocol-Version",
      headers.protocolVersion,
      'params._meta["io.modelcontextprotocol/protocolVersion"]',
      body.protocolVersion,
    ) ??
    plainMismatch("Mcp-Method", headers.method, "method", body.method) ??
    nameMismatch(headers.name, body)
  );
}

/** For the headers that every request has, and that are never encoded. */
function plainMismatch(
  header: string,
  raw: string | null,
  source: string,
  expected: string | undefined,
): string | undefined {
  if (raw === null) return missingHeader(header, source, expected);
  const came = trimOws(raw);
  if (!FIELD_VALUE.test(came)) return malformedHeader(header, came);
  return expected === undefined || came === expected ? undefined : differingHeader(header, came, source, expected);
}

function nameMismatch(raw: string | null, body: BodyFacts): string | undefined {
  const source = NAME_SOURCES.get(body.method);
  if (source === undefined) return undefined;
  if (raw === null) return body.name === undefined ? undefined : missingHeader("Mcp-Name", source, body.name);
  const came = decodeHeaderValue(raw);
  if (came === undefined) return unreadableHeader("Mcp-Name", raw);
  return body.name === undefined || came === body.name
    ? undefined
    : differingHeader("Mcp-Name", came, source, body.name);
}

/** All that a field value may consist of (RFC 9110, section 5.5, without its obsolete part). */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

const ENCODED = /^=\?base64\?(.*)\?=$/;

/**
 * Reads the value of `Mcp-Name` or of an `Mcp-Param-…` header, which may be encoded as `=?base64?…?=`; whitespace around it
 * is no part of it.
 *
 * Of Base64 only the one spelling that RFC 4648, section 4, has for the bytes is taken, padding included: where decoders
 * disagree, one hop would see another value than the next.
 *
 * @returns undefined: other characters than visible ASCII, space and tab, or an encoded value that is not Base64 of valid
 *   UTF-8. MCP 2026-07-28: Streamable HTTP, "Value Encoding".
 */
export function decodeHeaderValue(value: string): string | undefined {
  const plain = trimOws(value);
  if (!FIELD_VALUE.test(plain)) return undefined;
  const encoded = ENCODED.exec(plain)?.[1];
  if (encoded === undefined) return plain;
  const bytes = Buffer.from(encoded, "base64");
  return bytes.toString("base64") === encoded && isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/** Optional whitespace of RFC 9110, section 5.6.3: `String.trim` would take a no-break space as well. */
function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
