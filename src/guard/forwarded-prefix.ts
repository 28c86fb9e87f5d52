import type { ClientAddressOptions } from "./client-address.ts";
import { parseAddress } from "./network.ts";
import { createTrustedProxies } from "./trusted-proxies.ts";

/** As for `listen.basePath`: "//x" would be another host to a client that resolves what begins with it (RFC 3986, section 4.2). */
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/;

/** Longer ones are nobody's. */
const MAX_LENGTH = 256;

/**
 * Makes the function that says which path a trusted proxy in front has taken off a request, by X-Forwarded-Prefix; a list,
 * as several hops make it, is read from the outermost on. "" or "/x/y"; undefined when there is none that counts, or it is
 * no path. A client that forges one leads nobody but itself astray.
 *
 * Throws a TypeError for an entry that is no proxy.
 */
export function createForwardedPrefix({
  trustedProxies,
}: ClientAddressOptions): (peer: () => string, headers: Headers) => string | undefined {
  const trusted = createTrustedProxies(trustedProxies);
  if (trusted === undefined) return () => undefined;
  return (peer, headers) => {
    const field = headers.get("x-forwarded-prefix");
    if (field === null || field.length > MAX_LENGTH) return undefined;
    const address = parseAddress(peer());
    if (address === undefined || !(trusted.forwards(address) || trusted.isFly(address))) return undefined;
    const prefix = field
      .split(",")
      .map((part) => part.trim().replace(/\/$/, ""))
      .join("");
    return prefix === "" || PREFIX.test(prefix) ? prefix : undefined;
  };
}
