import { ERRORS, type ErrorCode, ProxyError } from "../base/errors.ts";
import { errorAnswer } from "../wire/message.ts";

type Fields = Readonly<Record<string, string>>;

/**
 * How a route speaks: management routes answer as OAuth does (RFC 6749, section 5.2), since clients that look for an
 * authorization server read any URL's error in that shape; routes that carry MCP answer JSON-RPC.
 */
export type Dialect = "management" | "mcp";

/** An error as the caller sees it, and what only the log may see. */
export interface ErrorAnswer {
  readonly response: Response;
  readonly code: ErrorCode;
  /** Set for an unknown failure: the caller got it, and the log has the detail under it. */
  readonly failureId: string | undefined;
}

/**
 * The one place where an error becomes an answer. `fields` are the header fields of every answer to this caller, `rpcId` is
 * the JSON text of the refused request's id, where it is known.
 */
export function answerError(error: unknown, dialect: Dialect, fields: Fields, rpcId?: string): ErrorAnswer {
  const failureId = error instanceof ProxyError ? undefined : crypto.randomUUID().slice(0, 8);
  const known = error instanceof ProxyError ? error : new ProxyError("internal_error", { data: { id: failureId } });
  const { code, message, data } = known;
  const body =
    dialect === "mcp"
      ? errorAnswer(known.rpcId ?? rpcId ?? "null", ERRORS[code].rpc, message, { code, ...data })
      : JSON.stringify({ error: code, error_description: message, ...data });
  const headers: Record<string, string> = { ...fields, ...known.fields, "content-type": "application/json" };
  if (known.retryAfterSeconds !== undefined) headers["retry-after"] = String(known.retryAfterSeconds);
  // What is left of a body must not be taken for the next request; and a proxy that ends takes no next one.
  if (CLOSES_CONNECTION.has(code)) headers["connection"] = "close";
  if (headers["connection"] === "close") delete headers["keep-alive"];
  return { response: new Response(body, { status: known.status, headers }), code, failureId };
}

const CLOSES_CONNECTION: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["body_timeout", "draining"]);
