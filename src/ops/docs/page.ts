import type { AssetName, Assets } from "./assets.ts";

/**
 * What the documentation page may do: its own scripts and styles, requests to this origin. Swagger UI sets style attributes and
 * draws icons from data: URLs; nothing else is opened.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The page of Swagger UI. URLs are absolute paths under `basePath` and carry the hash of the file, so that it may be kept for ever. */
export function documentationPage(basePath: string, assets: Assets): string {
  const url = (name: AssetName) => Bun.escapeHTML(`${basePath}/swagger/assets/${name}?v=${assets[name].hash}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mcp-sse-proxy</title>
<link rel="icon" type="image/png" href="${url("favicon.png")}">
<link rel="stylesheet" href="${url("swagger-ui.css")}">
</head>
<body>
<div id="swagger-ui" data-specification="${Bun.escapeHTML(`${basePath}/swagger/json`)}"></div>
<noscript>This page needs JavaScript. The OpenAPI document is at <a href="${Bun.escapeHTML(`${basePath}/swagger/json`)}">swagger/json</a>.</noscript>
<script src="${url("swagger-ui-bundle.js")}"></script>
<script src="${url("initializer.js")}"></script>
</body>
</html>
`;
}
