import { requireOrigin } from "./origin.ts";
import { parseVariableHeader } from "./variable-header.ts";

type Fields = Readonly<Record<string, string>>;

export interface CorsOptions {
  /** Origins whose pages may read the answers, as `scheme://host[:port]`. Empty: none. */
  readonly origins: readonly string[];
}

export interface Cors {
  /** Fields for an answer to a page of this origin; undefined when it is not a listed one. */
  headers(origin: string): Fields | undefined;
  /** Fields of the answer to a preflight; undefined when the origin is not listed, or it asks for no method. */
  preflight(requestedHeaders: string | null, requestedMethod: string | null, origin: string): Fields | undefined;
}

const METHODS = "GET, POST, DELETE";

const REQUEST_HEADERS = [
  "Authorization",
  "X-Api-Key",
  "Content-Type",
  "Accept",
  "Last-Event-ID",
  "Mcp-Session-Id",
  "MCP-Protocol-Version",
  "Mcp-Method",
  "Mcp-Name",
  "Cache-Control",
].join(", ");

const EXPOSED_HEADERS = "Mcp-Session-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate";

/** Two hours: the longest that Chromium keeps a preflight. */
const MAX_AGE_SECONDS = "7200";

/** A header that repeats a parameter of a tool; its name is a token (RFC 9110, section 5.6.2). */
const PARAMETER_HEADER = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/;

/** As many client variables as a request may carry. */
const MAX_VARIABLE_HEADERS = 64;

/**
 * Makes the CORS fields (the Fetch standard, "CORS protocol"; H19) for exact origins. No credentials mode: the bearer token
 * is a header that the page sets itself, so no cookie is ever needed, and none is accepted.
 *
 * `ENV_*` is no wildcard that a browser knows, and `*` never covers Authorization, so a preflight is answered with the
 * fixed list and, by name, each requested header that is a well-formed client variable, or repeats a tool's parameter
 * (`Mcp-Param-…`, MCP 2026-07-28). Nothing else is reflected.
 *
 * Throws a TypeError for an entry of `origins` that is not an origin.
 */
export function createCors({ origins }: CorsOptions): Cors {
  const fieldsOf = new Map<string, { readonly answer: Fields; readonly preflight: Fields }>();
  for (const entry of origins) {
    const origin = requireOrigin(entry);
    fieldsOf.set(origin, { answer: answerFields(origin), preflight: preflightFields(origin) });
  }
  return {
    headers: (origin) => fieldsOf.get(origin)?.answer,
    preflight: (requestedHeaders, requestedMethod, origin) => {
      const fields = requestedMethod === null ? undefined : fieldsOf.get(origin)?.preflight;
      if (fields === undefined || requestedHeaders === null) return fields;
      const variables = variableHeaders(requestedHeaders);
      if (variables.length === 0) return fields;
      return { ...fields, "access-control-allow-headers": `${REQUEST_HEADERS}, ${variables.join(", ")}` };
    },
  };
}

/** A browser sends its origin in canonical form and compares with that; no other client reads these fields. */
function answerFields(origin: string): Fields {
  return Object.freeze({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": EXPOSED_HEADERS,
    vary: "Origin",
  });
}

function preflightFields(origin: string): Fields {
  return Object.freeze({
    "access-control-allow-origin": origin,
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": REQUEST_HEADERS,
    "access-control-max-age": MAX_AGE_SECONDS,
    vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
  });
}

function variableHeaders(requested: string): string[] {
  const found: string[] = [];
  for (const item of requested.split(",")) {
    const header = item.trim().toLowerCase();
    if (parseVariableHeader(header).kind !== "variable" && !PARAMETER_HEADER.test(header)) continue;
    found.push(header);
    if (found.length === MAX_VARIABLE_HEADERS) break;
  }
  return found;
}
