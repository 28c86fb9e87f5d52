import type { ProtocolName } from "../driver/protocol.ts";
import type { GatewayName } from "../gateways/gateways.ts";

/** The parts of the benchmark, in the order of the report: each has a table of its own. */
export const PART_NAMES = ["sse", "streamable", "stateless", "shared-sessions"] as const;
export type PartName = (typeof PART_NAMES)[number];

export interface Part {
  readonly title: string;
  readonly protocol: ProtocolName;
  /** The gateways that take part, each with what the readers of its figures must know. */
  readonly notes: Readonly<Partial<Record<GatewayName, string>>>;
}

export const PARTS: Readonly<Record<PartName, Part>> = {
  sse: {
    title: "HTTP+SSE",
    protocol: "sse",
    notes: {
      ceiling: "a bare Bun bridge: no authentication, no limits, no checks",
      ours: "the compiled executable at its defaults, with authentication; rate limit off, log level ERROR",
      supergateway: "one child for all sessions, and every answer goes to every session; log level none",
      "mcp-proxy": "one child for all sessions, requests multiplexed onto it",
    },
  },
  streamable: {
    title: "Streamable HTTP",
    protocol: "streamable",
    notes: {
      ceiling: "a bare Bun bridge: finds the ids, answers with JSON; no authentication, no limits, no checks",
      ours: "the compiled executable at its defaults, with authentication; rate limit off, log level ERROR; answers with JSON",
      supergateway: "stateful mode, a child for each session; answers on an event stream; log level none",
      "mcp-proxy": "one child for all sessions, requests multiplexed onto it; answers on an event stream",
    },
  },
  stateless: {
    title: "Stateless requests, `echo` of server-everything",
    protocol: "stateless",
    notes: {
      ours: "requests of MCP 2026-07-28, translated for a server that keeps to sessions; one child, kept",
      supergateway:
        "stateless mode, requests without a session; a child for each, and few of them, so its p99 is its slowest",
    },
  },
  "shared-sessions": {
    title: "HTTP+SSE, sessions that share server-memory",
    protocol: "sse",
    notes: {
      ours: '`"isolation": "shared"`; PSS counts a page that processes share once, RSS once for each of them',
    },
  },
};

/** Those of the gateways that take part. */
export function participants(part: PartName, names: readonly GatewayName[]): readonly GatewayName[] {
  return names.filter((name) => name in PARTS[part].notes);
}
