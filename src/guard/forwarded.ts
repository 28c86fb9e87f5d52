import { type Address, parseAddress } from "./network.ts";

/** One hop as a proxy reports it; a parameter that it left out is undefined. */
export interface ForwardedElement {
  readonly for: string | undefined;
  readonly proto: string | undefined;
}

/** A chain of proxies is a few elements long; reading has to start at the client's end, so what a client wrote is bounded. */
const MAX_FIELD_LENGTH = 2048;

/** A name, `=`, and a token or a quoted string; then `;` for more of this hop, `,` for the next hop, or the end. */
const PARAMETER =
  /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+)|"((?:[^"\\]|\\.)*)")[ \t]*(;|,|$)/y;

/** Reads a Forwarded field (RFC 7239, section 4), the client's end first; undefined when it is malformed or too long. */
export function parseForwarded(field: string): readonly ForwardedElement[] | undefined {
  if (field.length > MAX_FIELD_LENGTH) return undefined;
  const elements: ForwardedElement[] = [];
  const pattern = new RegExp(PARAMETER);
  let hop: { for: string | undefined; proto: string | undefined } = { for: undefined, proto: undefined };
  for (;;) {
    const match = pattern.exec(field);
    if (match === null) return undefined;
    const [, name = "", token, quoted, end] = match;
    const value = token ?? quoted?.replace(/\\(.)/g, "$1");
    const key = name.toLowerCase();
    if (key === "for" || key === "proto") {
      if (hop[key] !== undefined) return undefined;
      hop[key] = value;
    }
    if (end === ";") continue;
    elements.push(hop);
    if (end !== ",") return elements;
    hop = { for: undefined, proto: undefined };
  }
}

/** The address of a hop, written with or without a port; undefined for `unknown`, `_hidden` and anything else. */
export function parseHop(hop: string): Address | undefined {
  if (hop.startsWith("[")) {
    const match = /^\[([^\]]*:[^\]]*)\](?::[0-9]{1,5})?$/.exec(hop);
    return match?.[1] === undefined ? undefined : parseAddress(match[1]);
  }
  const colon = hop.indexOf(":");
  if (colon === -1 || colon !== hop.lastIndexOf(":")) return parseAddress(hop);
  return /^:[0-9]{1,5}$/.test(hop.slice(colon)) ? parseAddress(hop.slice(0, colon)) : undefined;
}
