import { textAt, valueAt } from "../../wire/json-edit.ts";

/** What differs between a request and the one that brings the answers to it. */
const ROUND: ReadonlySet<string> = new Set(["_meta", "inputResponses", "requestState"]);

/** The same text for a request and its retries, whatever order their members have; another one for any other request. */
export function requestDigest(line: Buffer, method: string): string {
  const span = valueAt(line, ["params"]);
  const params: unknown = span === undefined ? {} : JSON.parse(textAt(line, span));
  const own =
    typeof params === "object" && params !== null
      ? Object.fromEntries(Object.entries(params).filter(([name]) => !ROUND.has(name)))
      : params;
  return Bun.SHA256.hash(JSON.stringify([method, canonical(own)]), "base64url");
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, canonical(member)]);
  // An object still, or an array of pairs would say the same.
  return { members };
}
