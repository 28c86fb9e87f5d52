import { timingSafeEqual } from "node:crypto";

/** What an Authorization header, or another for a token, holds. `malformed` and a wrong token get the same answer. */
export type Bearer =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "absent" }
  | { readonly kind: "malformed" };

const ABSENT: Bearer = { kind: "absent" };
const MALFORMED: Bearer = { kind: "malformed" };

const SCHEME = /^bearer /i;
/**
 * Wider than the token68 of RFC 6750: a secret from a password generator has other characters, and HTTP can carry every
 * visible one of ASCII. White space stays out, and with it two headers joined by ", ".
 */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * Makes the comparison with the proxy's secret. Both sides are hashed first: the digests are of one length, so the work is
 * the same for every guess and its time says nothing about the secret (A2).
 *
 * Throws a TypeError for a secret that is empty or cannot be sent as a bearer token.
 */
export function createSecretCheck(secret: string): (presented: string) => boolean {
  if (!isBearerToken(secret)) {
    throw new TypeError(
      "The secret must consist of printable ASCII characters without spaces, to be sent as a bearer token.",
    );
  }
  const expected = Bun.SHA256.hash(secret);
  const actual = new Uint8Array(expected.length);
  return (presented) => {
    Bun.SHA256.hash(presented, actual);
    return timingSafeEqual(actual, expected);
  };
}

/**
 * Reads an Authorization header as a bearer token (RFC 6750, section 2.1): the scheme in any case, one space, and the rest
 * of the header without white space. Anything else is malformed, two headers joined by a comma too (A3).
 */
export function parseBearer(authorization: string | null): Bearer {
  if (authorization === null) return ABSENT;
  if (!SCHEME.test(authorization)) return MALFORMED;
  const token = authorization.slice(7);
  return isBearerToken(token) ? { kind: "token", token } : MALFORMED;
}

/**
 * The token that a request shows: that of the Authorization header, or of X-Api-Key where there is none, for clients whose
 * users cannot set Authorization. One header never stands in for a wrong other.
 */
export function presentedToken(headers: Headers): Bearer {
  const authorization = headers.get("authorization");
  if (authorization !== null) return parseBearer(authorization);
  const key = headers.get("x-api-key");
  if (key === null) return ABSENT;
  return isBearerToken(key) ? { kind: "token", token: key } : MALFORMED;
}

/** Whether a text can be sent as a bearer token; a secret that is none could never be presented. */
export function isBearerToken(text: string): boolean {
  return TOKEN.test(text);
}
