import { ProxyError } from "../base/errors.ts";
import type { Dialect } from "../transport/answer.ts";

/** A route, as the app has it. */
export interface Route {
  readonly method: string;
  /** `/:server/sse`: a segment that begins with a colon is any one. */
  readonly path: string;
}

/** What can be said about a request that no route takes. Nothing here decides about access. */
export interface Unroutable {
  /** Whether a route has the path, for whichever method, with a slash at its end or without. */
  readonly isKnown: (request: Request) => boolean;
  /** 405 where another method would have found a route, else 404. */
  readonly errorOf: (request: Request) => ProxyError;
  /** How errors are told at this URL: as JSON-RPC where a route that carries MCP has the path. */
  readonly dialectOf: (request: Request) => Dialect;
  /** The Allow field (RFC 9110, section 10.2.1): the methods of the URL, or those of all routes where it has none. */
  readonly allowOf: (request: Request) => string;
}

/** Methods that every URL has, or that are refused by a route of their own. */
const UNNAMED: ReadonlySet<string> = new Set(["OPTIONS", "HEAD"]);

/**
 * Makes it out of the app's own routes, so that no table of methods can lag behind them. They are read when the first
 * request needs them: the routes are complete only after the app was composed.
 */
export function createUnroutable(routes: () => readonly Route[]): Unroutable {
  let known: ReadonlyMap<string, readonly string[]> | undefined;
  const methodsByPath = () => {
    known ??= gather(routes());
    return known;
  };
  const find = (request: Request): { readonly path: string; readonly methods: readonly string[] } | undefined => {
    const path = pathOf(request.url).replace(/\/$/, "");
    for (const [pattern, methods] of methodsByPath()) if (fits(pattern, path)) return { path: pattern, methods };
    return undefined;
  };

  return {
    isKnown: (request) => find(request) !== undefined,
    errorOf: (request) => {
      const methods = find(request)?.methods;
      return methods === undefined || methods.includes(request.method)
        ? new ProxyError("not_found")
        : wrongMethod(request.method, methods);
    },
    dialectOf: (request) => (find(request)?.path.includes("/:server/") === true ? "mcp" : "management"),
    allowOf: (request) => {
      const methods = find(request)?.methods ?? [...new Set([...methodsByPath().values()].flat())];
      return `${methods.join(", ")}, OPTIONS`;
    },
  };
}

function gather(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { method, path } of routes) {
    if (UNNAMED.has(method) || path.includes("*")) continue;
    const known = methods.get(path) ?? [];
    if (!known.includes(method)) methods.set(path, [...known, method]);
  }
  return methods;
}

/** The path of a URL as the runtime tells it, without its query. It is not what the router looked at (DESIGN, "Traps"). */
export function pathOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]*/i, "").replace(/\?.*$/s, "");
}

function fits(pattern: string, path: string): boolean {
  const expected = pattern.split("/");
  const segments = path.split("/");
  return (
    expected.length === segments.length &&
    expected.every((part, index) => (part.startsWith(":") ? segments[index] !== "" : segments[index] === part))
  );
}

function wrongMethod(method: string, methods: readonly string[]): ProxyError {
  const allow = methods.join(", ");
  return new ProxyError("method_not_allowed", {
    message: `This URL takes ${allow}, not ${method}.`,
    fields: { allow: `${allow}, OPTIONS` },
  });
}
