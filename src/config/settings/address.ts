import { isIP } from "node:net";

/** A DNS name (RFC 1123, section 2.1), an underscore allowed as container networks use it. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*$/;

/** Whether text is an IP address (no brackets, no zone) or a host name, without a port. */
export function isHost(text: string): boolean {
  return isIP(text) === 0 ? HOST_NAME.test(text) && !looksLikeIPv4(text) : !text.includes("%");
}

/**
 * The canonical form of a host as it may stand in a Host header: lower case, an IPv6 address in brackets, the port kept when
 * there is one. Undefined when the text is not a host.
 */
export function canonicalHost(text: string): string | undefined {
  if (isIP(text) === 6) return isHost(text) ? `[${compressed(text)}]` : undefined;
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, six, name = "", port] = match;
  // The URL parser has the last word: a Host header that it does not take cannot be matched (a port over 65535, an "xn--" that is no punycode).
  if (!URL.canParse(`http://${text}`)) return undefined;
  if (six === undefined ? !isHost(name) : isIP(six) !== 6 || six.includes("%")) return undefined;
  const host = six === undefined ? name.toLowerCase() : `[${compressed(six)}]`;
  return port === undefined ? host : `${host}:${Number(port)}`;
}

/** "256.1.1.1", "1.2.3": all digits in the last label, so a resolver would take it for an address, and a broken one. */
function looksLikeIPv4(text: string): boolean {
  return /(?:^|\.)[0-9]+$/.test(text);
}

function compressed(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
