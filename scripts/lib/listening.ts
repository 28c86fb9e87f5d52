import { readdir, readFile, readlink } from "node:fs/promises";

/** State `0A` in /proc/net/tcp: TCP_LISTEN (include/net/tcp_states.h). */
const LISTEN = "0A";

/**
 * Address as a URL spells it, from the hexadecimal form of /proc/net/tcp (`0100007F:1F40`, each 32-bit word in the host's
 * little-endian order). A wildcard address and an IPv6 address other than `::1` are given as 127.0.0.1: the caller asks
 * from this machine.
 */
export function addressOf(hex: string): string | undefined {
  const [host, port] = hex.split(":");
  if (host === undefined || port === undefined) return undefined;
  const number = Number.parseInt(port, 16);
  if (host.length === 32)
    return host === "00000000000000000000000001000000" ? `[::1]:${number}` : `127.0.0.1:${number}`;
  const octets = (host.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse();
  return `${octets.every((octet) => octet === 0) ? "127.0.0.1" : octets.join(".")}:${number}`;
}

/** Listening sockets in the text of /proc/net/tcp or tcp6: inode to address. */
export function listeners(table: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of table.split("\n").slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const address = local === undefined ? undefined : addressOf(local);
    if (state === LISTEN && inode !== undefined && address !== undefined) found.set(inode, address);
  }
  return found;
}

async function fromProc(pid: number): Promise<string[]> {
  const found = new Map<string, string>();
  for (const name of ["tcp", "tcp6"]) {
    const table = await readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "");
    for (const [inode, address] of listeners(table)) found.set(inode, address);
  }
  const addresses = new Set<string>();
  for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ""); // closed since it was listed
    const address = found.get(target.match(/^socket:\[(\d+)\]$/)?.[1] ?? "");
    if (address !== undefined) addresses.add(address);
  }
  return [...addresses];
}

/** Addresses (`127.0.0.1:8000`) on which a process listens for TCP; undefined where the system does not tell (no /proc). */
export async function listeningAddresses(pid: number): Promise<string[] | undefined> {
  try {
    return await fromProc(pid);
  } catch {
    return undefined;
  }
}
