import type { Protocol, ProtocolName } from "./protocol.ts";
import { sseProtocol } from "./sse-protocol.ts";
import { streamableProtocol } from "./streamable-protocol.ts";

/** The bindings that the driver speaks. */
export const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = {
  sse: sseProtocol,
  streamable: streamableProtocol,
  // A POST is a POST: what makes a request stand alone is in the message, and that nobody sends `initialize`.
  stateless: streamableProtocol,
};
