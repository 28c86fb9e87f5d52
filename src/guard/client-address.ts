import { parseForwarded, parseHop } from "./forwarded.ts";
import { type Address, dottedForm, parseAddress, subnetForm } from "./network.ts";
import { createTrustedProxies, type TrustedProxies } from "./trusted-proxies.ts";

export interface ClientAddressOptions {
  /** Addresses, networks, and the words `loopback`, `private` and `fly`. Empty: no forwarded header counts. */
  readonly trustedProxies: readonly string[];
}

/**
 * Makes the function that names the client of a request for its limits: an IPv4 address, or the /64 of an IPv6 one, since
 * a subscriber may use any address of theirs (A6).
 *
 * The client is the peer, unless the peer is a trusted proxy. Then it is the rightmost hop that is not trusted: each proxy
 * appends the address that it saw, so everything further left is hearsay. X-Forwarded-For counts before Forwarded
 * (RFC 7239); the trusted proxy must set or remove whichever its clients might send. With `fly`, Fly-Client-IP counts
 * before both when the peer's address is a private one. A malformed hop makes the peer the client.
 *
 * Throws a TypeError for an entry that is no proxy.
 */
export function createClientAddress({
  trustedProxies,
}: ClientAddressOptions): (peer: string, headers: Headers) => string {
  const trusted = createTrustedProxies(trustedProxies);
  if (trusted === undefined) return keyOfPeer;
  return (peer, headers) => {
    const address = parseAddress(peer);
    const client = address === undefined ? undefined : forwardedClient(address, headers, trusted);
    return client === undefined ? keyOfPeer(peer) : keyOf(client);
  };
}

/**
 * Makes the function that says whether the client's own connection is TLS, as a trusted proxy in front reports it by
 * X-Forwarded-Proto, or else Forwarded. The outermost hop counts; a client that forges it can fool nobody but itself.
 */
export function createForwardedProto({
  trustedProxies,
}: ClientAddressOptions): (peer: string, headers: Headers) => boolean {
  const trusted = createTrustedProxies(trustedProxies);
  if (trusted === undefined) return () => false;
  return (peer, headers) => {
    const address = parseAddress(peer);
    if (address === undefined || !(trusted.forwards(address) || trusted.isFly(address))) return false;
    return outerProto(headers)?.toLowerCase() === "https";
  };
}

function forwardedClient(peer: Address, headers: Headers, trusted: TrustedProxies): Address | undefined {
  if (trusted.isFly(peer)) {
    const client = headers.get("fly-client-ip");
    if (client !== null) return parseAddress(client);
  }
  if (!trusted.forwards(peer)) return undefined;
  const list = headers.get("x-forwarded-for");
  if (list !== null) return firstUntrusted(fromRight(list), trusted);
  const field = headers.get("forwarded");
  const elements = field === null ? undefined : parseForwarded(field);
  return elements === undefined ? undefined : firstUntrusted(elements.map((hop) => hop.for ?? "").reverse(), trusted);
}

/** Undefined when a hop is malformed; when all are trusted, the outermost proxy is itself the client. */
function firstUntrusted(hops: Iterable<string>, trusted: TrustedProxies): Address | undefined {
  let address: Address | undefined;
  for (const hop of hops) {
    address = parseHop(hop);
    if (address === undefined || !trusted.forwards(address)) return address;
  }
  return address;
}

/** Splits no further than is asked for: what a client has put on the left costs nothing. */
function* fromRight(list: string): Generator<string> {
  let end = list.length;
  while (end >= 0) {
    const comma = end === 0 ? -1 : list.lastIndexOf(",", end - 1);
    yield list.slice(comma + 1, end).trim();
    end = comma;
  }
}

function outerProto(headers: Headers): string | undefined {
  const list = headers.get("x-forwarded-proto");
  if (list !== null) return list.split(",", 1)[0]?.trim();
  const field = headers.get("forwarded");
  return field === null ? undefined : parseForwarded(field)?.[0]?.proto;
}

/** The common case, on every request: an IPv4 peer is its own key and nothing is parsed. */
function keyOfPeer(peer: string): string {
  if (!peer.includes(":")) return peer;
  const address = parseAddress(peer);
  return address === undefined ? peer : keyOf(address);
}

function keyOf(address: Address): string {
  return dottedForm(address) ?? subnetForm(address);
}
