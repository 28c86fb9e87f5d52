import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ProtocolName } from "../driver/protocol.ts";

export const GATEWAYS = ["ceiling", "ours", "supergateway", "mcp-proxy"] as const;
export type GatewayName = (typeof GATEWAYS)[number];

/** A stdio server, as a gateway is to run it. */
export interface StdioServer {
  /** The argument vector. */
  readonly command: readonly string[];
  /** Its own variables, given a directory that is removed when the gateway has ended. */
  readonly env?: (directory: string) => Readonly<Record<string, string>>;
  /** Whether all sessions are to share one child of ours; the others don't leave it to their user. */
  readonly isolation?: "shared";
}

/** What a gateway is started for. */
export interface Setting {
  /** What it is to serve; those that serve several do so by default. */
  readonly protocol: ProtocolName;
  /** A free port. */
  readonly port: number;
  readonly server: StdioServer;
  /** Where a configuration file may be written. */
  readonly directory: string;
  /** A variable that the children must inherit, so that they can be found again. */
  readonly marker: readonly [name: string, value: string];
  /** Path of our executable. */
  readonly proxy: string;
}

/** How a gateway is started and reached. */
export interface Launch {
  readonly command: readonly string[];
  /** Beyond PATH, HOME and the marker. */
  readonly env: Readonly<Record<string, string>>;
  /** Answers 200 when the gateway is up. */
  readonly healthPath: string;
  /** Path that opens a session. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ROOT = resolve(import.meta.dir, "../../..");
/** Longer than the least that our proxy takes; it never leaves this machine's loopback. */
const SECRET = "benchmark-secret-benchmark-secret-0123456789";

/** The last part of the path, which is the same everywhere. */
const ENDPOINTS: Readonly<Record<ProtocolName, string>> = { sse: "sse", streamable: "mcp", stateless: "mcp" };
const SUPERGATEWAY_OUTPUT: Readonly<Record<ProtocolName, readonly string[]>> = {
  sse: ["--outputTransport", "sse"],
  streamable: ["--outputTransport", "streamableHttp", "--stateful"],
  stateless: ["--outputTransport", "streamableHttp"],
};

/** Each gateway at its defaults, logging as little as it can, with one stdio server, on loopback as far as it has the option. */
export function launchOf(name: GatewayName, setting: Setting): Launch {
  const endpoint = ENDPOINTS[setting.protocol];
  const port = String(setting.port);
  switch (name) {
    case "ceiling":
      return {
        command: [process.execPath, join(import.meta.dir, "ceiling.ts"), port, ...setting.server.command],
        env: {},
        healthPath: "/health",
        path: `/x/${endpoint}`,
        headers: {},
      };
    case "ours":
      return {
        command: [resolve(setting.proxy), "--config", ourConfiguration(setting)],
        env: { MAXIM_SECRET: SECRET, PORT: port, LOG_FORMAT: "json", LOG_LEVEL: "ERROR", RATE_LIMIT_PER_MINUTE: "0" },
        healthPath: "/health",
        path: `/bench/${endpoint}`,
        headers: { Authorization: `Bearer ${SECRET}` },
      };
    case "supergateway": {
      const stdio = setting.server.command.map((word) => `'${word}'`).join(" ");
      const options = [...SUPERGATEWAY_OUTPUT[setting.protocol], "--logLevel", "none", "--healthEndpoint", "/health"];
      return {
        command: ["node", packageFile(name, "dist/index.js"), "--stdio", stdio, "--port", port, ...options],
        env: {},
        healthPath: "/health",
        path: `/${endpoint}`,
        headers: {},
      };
    }
    case "mcp-proxy":
      return {
        command: [
          ...["node", packageFile(name, "dist/bin/mcp-proxy.mjs"), "--host", "127.0.0.1", "--port", port],
          ...["--", ...setting.server.command],
        ],
        env: {},
        healthPath: "/ping",
        path: `/${endpoint}`,
        headers: {},
      };
  }
}

/** The version that stands in the report. */
export function versionOf(name: GatewayName): string {
  if (name === "ceiling") return `Bun ${Bun.version}`;
  const file = name === "ours" ? join(ROOT, "package.json") : packageFile(name, "package.json");
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  const known = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return known ? String(manifest.version) : "unknown";
}

/** A file of an installed package. */
export function packageFile(name: string, file: string): string {
  return join(ROOT, "node_modules", name, file);
}

function ourConfiguration(setting: Setting): string {
  const { server, directory, marker } = setting;
  const { isolation } = server;
  const [command, ...args] = server.command;
  const [name, value] = marker;
  const env = { ...server.env?.(directory), [name]: value };
  const file = join(directory, "ours.json");
  const limits = { sessions: 4000, sessionsPerServer: 4000 };
  writeFileSync(file, JSON.stringify({ mcpServers: { bench: { command, args, env, isolation } }, limits }));
  return file;
}
