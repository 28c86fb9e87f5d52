import { type Address, isWithin, type Network, parseNetwork } from "./network.ts";

/** Which peers may speak for the client behind them. */
export interface TrustedProxies {
  /** Whether X-Forwarded-For, X-Forwarded-Proto and Forwarded of this peer, or hop, are believed. */
  forwards(address: Address): boolean;
  /** Whether this peer can be Fly's own proxy, whose Fly-Client-IP is believed. */
  isFly(address: Address): boolean;
}

const LOOPBACK = ["127.0.0.0/8", "::1"];
/** RFC 1918 and RFC 4193. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
/** Fly's proxy reaches a machine over private networks; fdaa::/16, the organisation's own, is one of them. */
const FLY = [...LOOPBACK, ...PRIVATE];

/**
 * Reads the list of trusted proxies: addresses, networks (`10.0.0.0/8`), and the words `loopback`, `private` and `fly`.
 * Undefined when the list is empty, so that its callers can do nothing at all then.
 *
 * Whoever can connect from one of these addresses can choose the address that limits are counted under. Throws a TypeError
 * for an entry that is none of the above.
 */
export function createTrustedProxies(entries: readonly string[]): TrustedProxies | undefined {
  if (entries.length === 0) return undefined;
  const networks = entries.flatMap(networksOf);
  const fly = entries.includes("fly") ? FLY.map(requireNetwork) : [];
  return {
    forwards: (address) => isWithin(networks, address),
    isFly: (address) => isWithin(fly, address),
  };
}

function networksOf(entry: string): Network[] {
  if (entry === "fly") return [];
  if (entry === "loopback") return LOOPBACK.map(requireNetwork);
  return entry === "private" ? PRIVATE.map(requireNetwork) : [requireNetwork(entry)];
}

function requireNetwork(entry: string): Network {
  const network = parseNetwork(entry);
  if (network !== undefined) return network;
  throw new TypeError(
    `A trusted proxy must be an address, a network (10.0.0.0/8), "loopback", "private" or "fly": ${JSON.stringify(entry)}`,
  );
}
