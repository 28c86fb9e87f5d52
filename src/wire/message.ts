import { isUtf8 } from "node:buffer";
import type { JsonScanner } from "./json-scan.ts";
import type { ScanFlaw, ScannedMessage } from "./scanned-message.ts";

/**
 * The key of a request id within one direction of a session. JSON-RPC ids 1 and "1" differ, and so do their keys;
 * integers above 2^53 keep every digit.
 */
export type IdKey = string;

/** What a router knows of a JSON-RPC 2.0 message; its bytes go on as they came. */
export type Message =
  | { readonly kind: "request"; readonly id: IdKey; readonly rawId: string; readonly method: string }
  | { readonly kind: "notification"; readonly method: string }
  /** `rawId`: the id's JSON text, where it is not the key itself. */
  | { readonly kind: "response"; readonly id: IdKey; readonly rawId?: string; readonly isError?: true };

/** Why bytes are not a message: the scanner's reasons, and those of JSON-RPC 2.0 itself. */
export type MessageFlaw = ScanFlaw | "not-utf8" | "not-jsonrpc" | "bad-id" | "null-members";

/**
 * Classifies the bytes of one message (JSON-RPC 2.0, sections 4 and 5; MCP: an id is a string or an integer, never null).
 *
 * @param nullsMayMean of the members that are null, those that mean nothing are gone already (null-members.ts). By default the
 *   flaw "null-members" says that this has to be done first.
 */
export function readMessage(bytes: Buffer, scan: JsonScanner, nullsMayMean = false): Message | MessageFlaw {
  const found = isUtf8(bytes) ? scan(bytes) : "not-utf8";
  if (typeof found === "string") return found;
  return found.hasNull && !nullsMayMean ? "null-members" : classify(bytes, found);
}

function classify(bytes: Buffer, found: ScannedMessage): Message | MessageFlaw {
  if (!isVersion2(bytes, found.jsonrpcStart, found.jsonrpcEnd)) return "not-jsonrpc";
  if (found.methodStart !== -1) {
    if (found.hasResult || found.hasError || bytes[found.methodStart] !== 0x22) return "not-jsonrpc";
    const method = stringAt(bytes, found.methodStart, found.methodEnd);
    if (found.idStart === -1) return { kind: "notification", method };
    const rawId = bytes.toString("utf8", found.idStart, found.idEnd);
    const id = idKey(rawId);
    return id === undefined ? "bad-id" : { kind: "request", id, rawId, method };
  }
  if (found.hasResult === found.hasError) return "not-jsonrpc";
  const rawId = found.idStart === -1 ? "null" : bytes.toString("utf8", found.idStart, found.idEnd);
  // An error about a request that could not be read has the id null, and no request waits for it.
  const id = idKey(rawId) ?? "null";
  if (rawId === id) return found.hasError ? { kind: "response", id, isError: true } : { kind: "response", id };
  return found.hasError ? { kind: "response", id, rawId, isError: true } : { kind: "response", id, rawId };
}

/** The key of an id's JSON text; undefined: not a string or a number. */
export function idKey(raw: string): IdKey | undefined {
  const first = raw.charCodeAt(0);
  if (first === 0x22) return raw.includes("\\") ? `"${String(JSON.parse(raw))}"` : raw;
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return undefined;
  // 1.0 and 1e0 may come back as 1; a number that a double cannot hold is only ever equal to its own digits.
  const value = Number(raw);
  return Number.isSafeInteger(value) ? String(value) : raw;
}

/** The key of an id that differs in being text or number alone, as programs write that keep ids as text; undefined: there is none. */
export function twinOf(id: IdKey): IdKey | undefined {
  if (!id.startsWith('"')) return `"${id}"`;
  const text = id.slice(1, -1);
  return NUMBER.test(text) ? idKey(text) : undefined;
}

const NUMBER = /^-?\d{1,20}$/;

function stringAt(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString("utf8", start + 1, end - 1);
  return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}

/** The JSON text of an error answer (JSON-RPC 2.0, section 5.1). `rawId` is the id's JSON text, or "null". */
export function errorAnswer(
  rawId: string,
  code: number,
  message: string,
  data: Readonly<Record<string, unknown>>,
): string {
  return `{"jsonrpc":"2.0","id":${rawId},"error":${JSON.stringify({ code, message, data })}}`;
}

const VERSION_2 = '"2.0"';

function isVersion2(bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== VERSION_2.length) return false;
  for (let i = 0; i < VERSION_2.length; i++) if (bytes[start + i] !== VERSION_2.charCodeAt(i)) return false;
  return true;
}
