import { dottedForm, parseAddress } from "./network.ts";

export interface HostCheckOptions {
  /** The address or name that the proxy listens on. */
  readonly bindHost: string;
  /** Host names that may reach the proxy, each with or without a port (without: any port); `"*"` for every name. */
  readonly allowed: readonly string[];
}

export type HostVerdict = "ok" | "malformed" | "refused";

/** A Host header taken apart: lower-cased, without a trailing dot, IPv6 in its brackets. */
interface Authority {
  readonly name: string;
  readonly port: string | undefined;
}

/** Not all that RFC 3986 section 3.2 allows, but all that a client sends: no percent-encoding, no user, no empty port. */
const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_][a-z0-9._-]{0,253}))(?::([0-9]{1,5}))?$/i;

/**
 * Makes the check of the Host header (RFC 9110, section 7.2) against DNS rebinding: a page whose own name has been pointed
 * at this machine still names itself in Host.
 *
 * On a loopback bind only loopback names pass unless `allowed` says otherwise; on any other, every name passes until
 * `allowed` is set. Loopback names always pass: nobody can point them elsewhere, and health checks use them. A malformed
 * Host is told apart because the runtime's URL of such a request is not to be trusted either (H4, H5): answer it with 400.
 *
 * Throws a TypeError for an entry of `allowed` that is not a host.
 */
export function createHostCheck({ bindHost, allowed }: HostCheckOptions): (host: string | null) => HostVerdict {
  const any = allowed.includes("*") || (allowed.length === 0 && !isLoopbackHost(bindHost));
  const names = new Set<string>();
  for (const entry of allowed) {
    if (entry === "*") continue;
    const authority = parseAuthority(entry);
    if (authority === undefined) {
      throw new TypeError(
        `An allowed host must be a name or an address, with or without a port, or "*": ${JSON.stringify(entry)}`,
      );
    }
    names.add(join(authority));
  }

  const decide = (host: string): HostVerdict => {
    const authority = parseAuthority(host);
    if (authority === undefined) return "malformed";
    if (any || names.has(authority.name) || isLoopbackHost(authority.name)) return "ok";
    return authority.port !== undefined && names.has(join(authority)) ? "ok" : "refused";
  };

  // Nearly every request names the same host as the one before it, and a verdict depends on nothing but the name.
  let lastOk: string | undefined;
  return (host) => {
    if (host === null) return "malformed";
    if (host === lastOk) return "ok";
    const verdict = decide(host);
    if (verdict === "ok") lastOk = host;
    return verdict;
  };
}

/** Whether a host without its port can only be this machine: 127.0.0.0/8, ::1, and `localhost` with all under it (RFC 6761). */
export function isLoopbackHost(host: string): boolean {
  const name = trimDot(host.toLowerCase());
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const address = name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  const [a, b, c, d] = parsed;
  return dottedForm(parsed)?.startsWith("127.") ?? (a === 0 && b === 0 && c === 0 && d === 1);
}

function parseAuthority(host: string): Authority | undefined {
  const match = AUTHORITY.exec(host);
  // The URL parser has the last word, as the runtime makes the request's URL of this: it refuses 1.2.3.256 and xn--a.
  if (match === null || !URL.canParse(`http://${host}`)) return undefined;
  const [, address, name = "", port] = match;
  if (address !== undefined) return { name: new URL(`http://[${address}]`).hostname, port };
  const trimmed = trimDot(name.toLowerCase());
  return trimmed.includes("..") ? undefined : { name: trimmed, port };
}

function join({ name, port }: Authority): string {
  return port === undefined ? name : `${name}:${Number(port)}`;
}

function trimDot(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
