/** First segments of the proxy's own routes, and so not names of servers. */
const OWN_ROUTES: readonly string[] = ["health", "servers", "sessions", "metrics", "swagger", ".well-known"];

/** Longest name in characters. URLs carry it, percent-encoded, and a request head is limited to 16 KiB. */
const MAX_LENGTH = 1024;

/**
 * What keeps a text from being a server's name, or undefined. A name is one segment of a URL path once it is encoded: "." and
 * ".." vanish from a URL even so (WHATWG URL, "dot-segments"), and a text that is not well-formed Unicode cannot be encoded.
 */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "a server's name cannot be empty";
  if (name.length > MAX_LENGTH) return `a server's name has at most ${MAX_LENGTH} characters, got ${name.length}`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return "a server's name cannot hold control characters";
  if (!name.isWellFormed() || name.includes("\uFFFD")) return "a server's name must be well-formed Unicode";
  if (name === "." || name === "..") return "a server's name cannot be a dot segment";
  if (OWN_ROUTES.includes(name)) return `/${name} is a route of the proxy itself: choose another name`;
  return undefined;
}
