export interface OriginCheckOptions {
  /** Origins that may use the proxy from a browser, as `scheme://host[:port]`. Exact ones: no wildcards, no `null`. */
  readonly allowed: readonly string[];
}

export type OriginVerdict = "absent" | "same-origin" | "listed" | "refused";

const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/i;

/**
 * Makes the check of the Origin header (RFC 6454, H18), which keeps web pages of other sites from using the proxy through
 * their visitors' browsers. A client that is not a browser sends none.
 *
 * Same-origin means that the origin's host and port are those of the Host header. The scheme is not compared: behind a
 * proxy that ends TLS it is not known here. A page that rebinds its DNS name to this machine is same-origin with itself,
 * so Host has to be checked first. `null`, which sandboxed and local pages send, is refused.
 *
 * Throws a TypeError for an entry of `allowed` that is not an origin.
 */
export function createOriginCheck({
  allowed,
}: OriginCheckOptions): (origin: string | null, host: string) => OriginVerdict {
  const listed = new Set(allowed.map(requireOrigin));
  return (origin, host) => {
    if (origin === null) return "absent";
    if (listed.has(origin)) return "listed";
    const canonical = canonicalOrigin(origin);
    if (canonical === undefined) return "refused";
    if (listed.has(canonical)) return "listed";
    return isSameOrigin(canonical, host) ? "same-origin" : "refused";
  };
}

/** An origin in lower case without the default port of its scheme, or undefined when it is none. */
export function canonicalOrigin(origin: string): string | undefined {
  const match = ORIGIN.exec(origin);
  if (match === null) return undefined;
  const [, scheme = "", host = "", port] = match;
  if (port !== undefined && Number(port) > 65_535) return undefined;
  const base = `${scheme}://${host}`.toLowerCase();
  return port === undefined || port === defaultPort(scheme.toLowerCase()) ? base : `${base}:${port}`;
}

/** The canonical form of a configured origin; throws a TypeError that says what an origin is. */
export function requireOrigin(entry: string): string {
  const canonical = canonicalOrigin(entry);
  if (canonical !== undefined) return canonical;
  throw new TypeError(
    `An allowed origin must be scheme://host[:port], without a path or a wildcard: ${JSON.stringify(entry)}`,
  );
}

function isSameOrigin(origin: string, host: string): boolean {
  const end = origin.indexOf("://");
  const scheme = origin.slice(0, end);
  const port = defaultPort(scheme);
  if (port === undefined) return false;
  const authority = origin.slice(end + 3);
  const own = host.toLowerCase();
  return own === authority || own === `${authority}:${port}`;
}

function defaultPort(scheme: string): string | undefined {
  if (scheme === "https") return "443";
  return scheme === "http" ? "80" : undefined;
}
