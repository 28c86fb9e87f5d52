/** The members of a JSON-RPC message's top level. A name that differs from one of these in case alone is refused: parsers disagree about it. */
export const MEMBERS = ["jsonrpc", "id", "method", "params", "result", "error"] as const;
export type Member = (typeof MEMBERS)[number];
export const MEMBER_BITS: ReadonlyMap<string, number> = new Map(MEMBERS.map((name, index) => [name, 1 << index]));
const LONGEST_MEMBER = 7;

/** The member that a first byte can begin; the rest is compared byte by byte, so that most names need no string. */
const MEMBER_BY_FIRST_BYTE: ReadonlyMap<number, Member> = new Map(MEMBERS.map((name) => [name.charCodeAt(0), name]));

/** The member whose name stands between the quotes, spelt as usual. */
export function memberAt(bytes: Buffer, start: number, end: number): Member | undefined {
  const candidate = MEMBER_BY_FIRST_BYTE.get(bytes[start] ?? 0);
  if (candidate === undefined || candidate.length !== end - start) return undefined;
  for (let i = 1; i < candidate.length; i++) if (bytes[start + i] !== candidate.charCodeAt(i)) return undefined;
  return candidate;
}

/** A name that is a member's in another spelling: in other letter case, or with escapes. */
export function suspectName(bytes: Buffer, start: number, end: number): string | undefined {
  // An escape takes six bytes for one character at the most.
  if (end - start > 6 * LONGEST_MEMBER) return undefined;
  const raw = bytes.toString("utf8", start, end);
  const name = raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
  // By way of capitals: the long s is an s to parsers that fold case, as Go's does.
  return MEMBER_BITS.has(name.toUpperCase().toLowerCase()) ? name : undefined;
}
