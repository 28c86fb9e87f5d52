/** Names are in lower case, as everywhere in the proxy, so that a route which overrides a field replaces it. */
type Fields = Readonly<Record<string, string>>;

/**
 * The answers are data and event streams, never documents, so everything that a document could do is switched off.
 * Cross-Origin-Resource-Policy binds only loads without CORS (the Fetch standard, "cross-origin resource policy check"):
 * an allowed origin's fetch is not hindered. Permissions-Policy is left out: it governs documents that run scripts.
 */
const PLAIN: Fields = Object.freeze({
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
});

/** A year (RFC 6797). Subdomains are left alone: they are not the proxy's to speak for. */
const TLS: Fields = Object.freeze({ ...PLAIN, "strict-transport-security": "max-age=31536000" });

/**
 * The fields that every answer carries. `tls` says whether the client's own connection is TLS, here or at a trusted proxy
 * in front. A page (the API documentation) puts a policy of its own in place of this one.
 */
export function securityHeaders({ tls }: { readonly tls: boolean }): Fields {
  return tls ? TLS : PLAIN;
}
