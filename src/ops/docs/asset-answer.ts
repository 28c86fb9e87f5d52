import type { Asset } from "./assets.ts";

/** What a request for an asset says that matters to the answer. */
export interface AssetRequest {
  /** The `v` parameter of the URL. */
  readonly version: string | undefined;
  readonly acceptEncoding: string | null;
  readonly ifNoneMatch: string | null;
}

/**
 * The answer to a request for a file of the documentation page (RFC 9110 and 9111). A URL that carries the file's own hash
 * may be kept for ever; any other has to be asked for again, which its strong ETag makes cheap.
 */
export function assetAnswer(asset: Asset, request: AssetRequest): Response {
  const gzipped = acceptsGzip(request.acceptEncoding) ? asset.gzipped : undefined;
  // A strong tag names the very bytes, so each coding has one of its own (RFC 9110, section 8.8.3.3).
  const etag = gzipped === undefined ? `"${asset.hash}"` : `"${asset.hash}-gzip"`;
  const headers = new Headers({
    etag,
    vary: "Accept-Encoding",
    "cache-control": request.version === asset.hash ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (matches(request.ifNoneMatch, etag)) return new Response(null, { status: 304, headers });
  headers.set("content-type", asset.type);
  if (gzipped !== undefined) headers.set("content-encoding", "gzip");
  return new Response(gzipped ?? asset.bytes, { headers });
}

/** Whether Accept-Encoding allows gzip, by name or by `*` (RFC 9110, section 12.5.3). A missing field asks for the plain bytes here. */
function acceptsGzip(field: string | null): boolean {
  const weights = new Map<string, number>();
  for (const member of (field ?? "").toLowerCase().split(",")) {
    const [coding = "", ...parameters] = member.split(";").map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    weights.set(coding, quality === undefined ? 1 : Number(quality.slice(2)));
  }
  return (weights.get("gzip") ?? weights.get("*") ?? 0) > 0;
}

/** If-None-Match compares weakly (RFC 9110, section 13.1.2). */
function matches(field: string | null, etag: string): boolean {
  if (field === null) return false;
  return field.split(",").some((member) => member.trim() === "*" || member.trim().replace(/^W\//, "") === etag);
}
