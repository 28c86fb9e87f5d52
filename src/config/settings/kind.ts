import Type, { type TSchema } from "typebox";
import { parseNetwork } from "../../guard/network.ts";
import { canonicalOrigin } from "../../guard/origin.ts";
import { canonicalHost, isHost } from "./address.ts";
import * as units from "./units.ts";

/** A value that was read, or what it should have been: a clause that follows "expected". */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly expected: string };

/** What a file may hold for a scalar setting. */
export type Written = string | number | readonly string[];

/** A sort of scalar setting: how it is written, read and shown. */
export interface Kind<T> {
  /** What the file may hold, for the checker and for editors. */
  readonly schema: TSchema;
  /** Reads the text of a flag or an environment variable, or what the file holds after the schema let it through. */
  readonly parse: (raw: unknown) => Parsed<T>;
  /** The value as a file would hold it. Never a secret. */
  readonly write: (value: T) => Written;
}

function kind<T>(
  expected: string,
  json: TSchema,
  read: (raw: unknown) => T | undefined,
  write: (value: T) => Written,
): Kind<T> {
  return {
    // Visual Studio Code shows errorMessage, and so do the faults of the file: one text for both.
    schema: Type.Unsafe<Written>({ ...json, errorMessage: `expected ${expected}` }),
    parse: (raw) => {
      const value = read(raw);
      return value === undefined ? { ok: false, expected } : { ok: true, value };
    },
    write,
  };
}

const same = <T>(value: T): T => value;

/** A duration in milliseconds; 0 means off. */
export const DURATION: Kind<number> = kind(
  units.DURATION_FORM,
  { type: ["string", "integer"], pattern: units.DURATION_PATTERN, minimum: 0, maximum: 0 },
  units.parseDuration,
  units.formatDuration,
);

/** A size in bytes; 0 means off. */
export const SIZE: Kind<number> = kind(
  units.SIZE_FORM,
  { type: ["string", "integer"], pattern: units.SIZE_PATTERN, minimum: 0 },
  units.parseSize,
  units.formatSize,
);

/** A whole number between two bounds. */
export function whole(minimum: number, maximum: number, note = ""): Kind<number> {
  const read = (raw: unknown) => {
    const value = typeof raw === "string" && /^[0-9]{1,10}$/.test(raw) ? Number(raw) : raw;
    return typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum
      ? value
      : undefined;
  };
  return kind(`a whole number from ${minimum} to ${maximum}${note}`, { type: "integer", minimum, maximum }, read, same);
}

/** A count of things that may be unlimited. */
export const COUNT = whole(0, 1_000_000, ", 0 for no limit");

/** One of a few words; in flags and environment variables case makes no difference. */
export function word<const W extends string>(...words: readonly W[]): Kind<W> {
  const read = (raw: unknown) =>
    words.find((one) => typeof raw === "string" && one.toLowerCase() === raw.toLowerCase());
  return kind(`one of ${words.join(", ")}`, { type: "string", enum: words }, read, same);
}

/** A host name or an IP address to listen on. */
export const HOST: Kind<string> = kind(
  "a host name or an IP address, without brackets and port",
  { type: "string", minLength: 1 },
  (raw) => (typeof raw === "string" && isHost(raw) ? raw : undefined),
  same,
);

/**
 * The path under which a reverse proxy serves us, as "" or "/x/y". Empty and dotted segments are refused: "//x" would be
 * another host to a client that resolves the reference in the endpoint event (RFC 3986, section 4.2).
 */
export const BASE_PATH: Kind<string> = kind(
  'a path such as "/mcp": letters, digits and - . _ ~ only, no "." or ".." segment, no query',
  { type: "string", pattern: "^/?$|^(?:/?[A-Za-z0-9._~-]+)(?:/[A-Za-z0-9._~-]+)*/?$" },
  (raw) => {
    if (typeof raw !== "string") return undefined;
    const path = raw.replace(/^\//, "").replace(/\/$/, "");
    if (path === "") return raw.length <= 1 ? "" : undefined;
    const ok = path.split("/").every((segment) => /^(?!\.{1,2}$)[A-Za-z0-9._~-]+$/.test(segment));
    return ok ? `/${path}` : undefined;
  },
  same,
);

/** Proxies whose forwarded headers count: addresses, blocks of them, or the words for common sets. */
export const PROXIES = list(
  'IP addresses, CIDR blocks ("10.0.0.0/8"), "loopback", "private" or "fly" (believe Fly-Client-IP)',
  (item) => (parseNetwork(item) !== undefined || ["loopback", "private", "fly"].includes(item) ? item : undefined),
);

/** Exact origins. There is no "*": any web page could then drive the servers with a token that it got hold of. */
export const ORIGINS = list(
  'exact origins such as "https://app.example.com", without a path or a trailing slash; "*" is not supported',
  canonicalOrigin,
);

/** Names that the Host header may carry; "*" is any. */
export const HOSTS = list('host names or IP addresses, with a port or without, or "*" for any', (item) =>
  item === "*" ? item : canonicalHost(item),
);

/** A list: an array in the file, comma separated in a flag or an environment variable. Repeated items count once. */
function list(items: string, read: (item: string) => string | undefined): Kind<readonly string[]> {
  return kind<readonly string[]>(
    `a list of ${items}`,
    { type: "array", items: { type: "string", minLength: 1 } },
    (raw) => {
      const texts: unknown = typeof raw === "string" ? raw.split(",") : raw;
      if (!Array.isArray(texts)) return undefined;
      const trimmed = texts.map((text) => (typeof text === "string" ? text.trim() : "")).filter((text) => text !== "");
      const values = trimmed.map(read);
      return values.every((value) => value !== undefined) ? [...new Set(values)] : undefined;
    },
    same,
  );
}

/** The bearer secret. At 32 characters of base64 it is 192 bits: guessing it is out of the question. */
export const SECRET = kind<string | undefined>(
  "at least 32 printable ASCII characters without spaces; make one with: openssl rand -base64 32",
  {},
  (raw) => (typeof raw === "string" && /^[\x21-\x7e]{32,4096}$/.test(raw) ? raw : undefined),
  () => "set",
);

/** The name of a file. */
export const FILE = kind<string | undefined>(
  "the name of a file",
  {},
  (raw) => (typeof raw === "string" && raw !== "" && !raw.includes("\0") ? raw : undefined),
  (value) => value ?? "",
);
