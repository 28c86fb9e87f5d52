import type { Target } from "./protocol.ts";

/** The bytes of an HTTP/1.1 request (RFC 9112, section 3) with the target's own headers. */
export function requestBytes(
  target: Target,
  method: "GET" | "POST" | "DELETE",
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  const fields = { Host: `${target.host}:${target.port}`, ...target.headers, ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  if (method === "POST") lines.push(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}
