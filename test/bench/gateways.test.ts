import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProtocolName } from "../../scripts/bench/driver/protocol.ts";
import { launchOf, type StdioServer } from "../../scripts/bench/gateways/gateways.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "bench-gateways-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function setting(server: StdioServer, protocol: ProtocolName) {
  return { protocol, port: 1, server, directory, marker: ["MARKER", "m"] as const, proxy: "proxy" };
}

/** The entry that our configuration has for the server. */
function entryOf(server: StdioServer): unknown {
  launchOf("ours", setting(server, "sse"));
  const configuration = JSON.parse(readFileSync(join(directory, "ours.json"), "utf8"));
  expect(configuration.limits).toEqual({ sessions: 4000, sessionsPerServer: 4000 });
  return configuration.mcpServers.bench;
}

describe("our configuration", () => {
  test("leaves isolation at its default", () => {
    expect(entryOf({ command: ["a", "b"] })).toEqual({ command: "a", args: ["b"], env: { MARKER: "m" } });
  });

  test("lets sessions share a child that has variables of its own", () => {
    const env = (at: string) => ({ FILE: join(at, "file") });
    expect(entryOf({ command: ["a"], env, isolation: "shared" })).toEqual({
      command: "a",
      args: [],
      env: { FILE: join(directory, "file"), MARKER: "m" },
      isolation: "shared",
    });
  });
});

describe("supergateway", () => {
  test.each([
    ["streamable", true],
    ["stateless", false],
  ] as const)("serves Streamable HTTP for %s; stateful: %p", (protocol, stateful) => {
    const { command, path } = launchOf("supergateway", setting({ command: ["a"] }, protocol));
    expect(command.join(" ")).toContain("--outputTransport streamableHttp");
    expect(command.includes("--stateful")).toBe(stateful);
    expect(path).toBe("/mcp");
  });
});
