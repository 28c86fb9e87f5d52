import type { Protocol, Target } from "./protocol.ts";
import { sseProtocol } from "./sse-protocol.ts";

/** The bindings that the driver speaks. */
export const PROTOCOLS: Readonly<Record<Target["protocol"], Protocol>> = { sse: sseProtocol };
