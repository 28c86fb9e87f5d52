import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Marks the proxy's own states, with a tag of the instance: a modern server's are its own business, and pass through. */
const PREFIX = "mcp-sse-proxy.1.";
const TAG_LENGTH = 8;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Longer ones are none of ours. */
const MAX_LENGTH = 1_024;

/** What a `requestState` of the proxy says (2026-07-28, basic/patterns/mrtr, "Server Requirements"). */
export interface RequestState {
  /** The call that waits. */
  readonly call: string;
  /** Which of its rounds: each is answered once. */
  readonly round: number;
  /** The caller, as a digest: server, principal and client variables. */
  readonly caller: string;
  /** Digest of the request: a state is worth nothing for another one. */
  readonly request: string;
  /** When it is worth nothing any more, in milliseconds since the epoch; 0: never. */
  readonly expiresAt: number;
}

export interface RequestStateSeal {
  readonly seal: (state: RequestState) => string;
  /** Whether a text says that this instance made it. */
  readonly isOwn: (text: string) => boolean;
  /** undefined: it was not made by this instance, or somebody has changed it. */
  readonly open: (text: string) => RequestState | undefined;
}

/** Encrypts and authenticates states with a key of this instance (AES-256-GCM): clients can neither read nor change them. */
export function createRequestStateSeal(): RequestStateSeal {
  const key = randomBytes(32);
  const prefix = `${PREFIX}${randomBytes(6).toString("base64url").slice(0, TAG_LENGTH)}.`;
  const isOwn = (text: string) => text.startsWith(prefix);
  return {
    isOwn,
    seal: ({ call, round, caller, request, expiresAt }) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const plain = JSON.stringify([call, round, caller, request, expiresAt]);
      const sealed = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return prefix + sealed.toString("base64url");
    },
    open: (text) => {
      if (!isOwn(text) || text.length > MAX_LENGTH) return undefined;
      const encoded = text.slice(prefix.length);
      const sealed = Buffer.from(encoded, "base64url");
      // Decoding passes over what is no Base64: only the one spelling that we gave is the state.
      if (sealed.length <= NONCE_BYTES + TAG_BYTES || sealed.toString("base64url") !== encoded) return undefined;
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      try {
        const plain = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
        return readState(JSON.parse(plain.toString()));
      } catch {
        return undefined;
      }
    },
  };
}

function readState(fields: unknown): RequestState | undefined {
  if (!Array.isArray(fields)) return undefined;
  const [call, round, caller, request, expiresAt]: unknown[] = fields;
  if (typeof call !== "string" || typeof caller !== "string" || typeof request !== "string") return undefined;
  if (typeof round !== "number" || typeof expiresAt !== "number") return undefined;
  return { call, round, caller, request, expiresAt };
}
