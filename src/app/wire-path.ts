import { ProxyError } from "../base/errors.ts";
import type { Connection } from "./arrival.ts";
import { pathOf } from "./unroutable.ts";

/*
 * The runtime finds a request's route by its target as it stood on the wire, but tells the target as a URL, in which dot
 * segments are resolved and backslashes are slashes (bun 1.4.5; the URL Standard, "path state"). What `/x/..\admin/sse` is
 * here would then be another thing to a reverse proxy in front, whose rules are passed by. So a request is served by a route
 * that the runtime itself has found, or not at all: for all other paths there are routes that show the wire's own segments.
 */

/** Paths of so many segments below the base path are looked at closely; no route has more than three. */
const MAX_SEGMENTS = 8;

/** A server's name that the URL may show otherwise than the wire did: what resolves, and what no name may hold. */
const ODD_KEY = /[\\#\uFFFD]|^\.{1,2}$/;

interface WireRequest extends Request {
  /** Segments as they stood on the wire, decoded once; a bad escape is U+FFFD. */
  readonly params?: Readonly<Record<string, string>>;
}

type Answer = Response | Promise<Response>;

export interface WireRoutesOptions {
  /** Segments of the base path. */
  readonly baseSegments: number;
  /** Whether one of the app's own routes has the path of a URL. */
  readonly isKnown: (request: Request) => boolean;
  /** Answers a request whose target is in its plain form, and that no route takes but for a slash at its end. */
  readonly pass: (request: Request) => Answer;
  readonly refuse: (request: Request, server: Connection, error: ProxyError) => Answer;
}

/**
 * Routes of the runtime for every path that the app's own routes leave over.
 *
 * A route of `/x//` is one of `/x/`, since Elysia takes a slash off the end of each (1.4.30).
 */
export function wireRoutes({ baseSegments, isKnown, pass, refuse }: WireRoutesOptions) {
  const look = (isPlain: (request: WireRequest) => boolean) => (request: WireRequest, server: Connection) =>
    isPlain(request) ? pass(request) : refuse(request, server, badPath());
  const bySegments = look(({ url, params = {} }) => {
    const segments = pathOf(url).replace(/\/$/, "").slice(1).split("/");
    return (
      segments.length === Object.keys(params).length &&
      segments.every((segment, index) => isPlainSegment(segment, params[`s${index + 1}`]))
    );
  });
  // Too many segments, or an empty one. A path that is known was another one on the wire.
  const byUrl = look((request) => {
    const segments = pathOf(request.url).slice(1).split("/");
    const isRoot = segments.length === 1;
    return isRoot || (!isKnown(request) && segments.every((segment) => isPlainSegment(segment, decoded(segment))));
  });

  const routes: Record<string, (request: WireRequest, server: Connection) => Answer> = { "/*": byUrl };
  let path = "";
  for (let count = 1; count <= baseSegments + MAX_SEGMENTS; count++) {
    path += `/:s${count}`;
    routes[path] = bySegments;
    routes[`${path}//`] = bySegments;
  }
  return routes;
}

/**
 * Refuses a target that the runtime took for a route with this server's name, and that was not in its plain form.
 * @throws ProxyError bad_path.
 */
export function requirePlainKey(request: Request, key: string): void {
  if (!ODD_KEY.test(key)) return;
  // The name may hold such a character, properly encoded.
  if (
    !pathOf(request.url)
      .split("/")
      .some((segment) => isPlainSegment(segment, key))
  )
    throw badPath();
}

/** Whether a segment of a URL says the same as the wire did. */
function isPlainSegment(segment: string, wire: string | undefined): boolean {
  if (wire === undefined) return false;
  if (segment === "" || segment.includes("#") || wire === "." || wire === "..") return false;
  return !wire.includes("\uFFFD") && decoded(segment) === wire;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function badPath(): ProxyError {
  return new ProxyError("bad_path", {
    message:
      "The path is not in its plain form: it must have no backslash, no . or .. segment, no empty segment, and no broken percent-encoding.",
  });
}
