import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TRANSPORTS, type TransportName } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { openLegacy } from "../support/legacy-session.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, type ServerEntry } from "../support/server-entry.ts";
import { callStateless, type StatelessAnswer } from "../support/stateless.ts";
import { endpointOf, initializeBody } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(120_000);

const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-slow-"));
const fileOf = (server: string, kind: string): string => join(place, `${server}.${kind}`.replaceAll(" ", "-"));

/** Counts its processes, shows no sign of life before it is let in or has slept, and is the fixture then. */
const slow = (server: string, name: string, wait: string, policy: object = {}): ServerEntry => {
  const { command, args } = fixture(name);
  const script = `echo >> '${fileOf(server, "count")}'; ${wait}; exec "$0" "$@"`;
  return { command: "/bin/sh", args: ["-c", script, command, ...args], clientEnv: ["SHAPE"], ...policy };
};
const gated = (server: string, name: string, policy: object = {}): ServerEntry =>
  slow(server, name, `until [ -e '${fileOf(server, "gate")}' ]; do sleep 0.05; done`, policy);
/** For twenty times as long as timeouts.probe. */
const sleeping = (server: string, name: string): ServerEntry => slow(server, name, "sleep 1");

const count = (server: string): number => {
  const file = fileOf(server, "count");
  return existsSync(file) ? readFileSync(file, "utf8").length : 0;
};
const openGate = (server: string): void => writeFileSync(fileOf(server, "gate"), "");

const SLEEPERS = ["era-modern", "era-legacy", "era-legacy-silent", "era-dual"];
const LEFT = TRANSPORTS.flatMap((transport) =>
  ["exclusive", "shared"].map((isolation) => [transport, isolation, `left ${transport} ${isolation}`] as const),
);

let proxy: TestProxy;
beforeAll(async () => {
  const sleepers = [...TRANSPORTS, "stateless"].flatMap((way) =>
    SLEEPERS.map((name) => [`${name} ${way}`, sleeping(`${name} ${way}`, name)] as const),
  );
  const left = LEFT.map(([, isolation, server]) => [server, gated(server, "era-legacy", { isolation })] as const);
  const leftModern = TRANSPORTS.map((way) => [`modern ${way}`, gated(`modern ${way}`, "era-modern")] as const);
  proxy = await startProxy({
    config: {
      containment: "none",
      mcpServers: {
        ...Object.fromEntries([...sleepers, ...left, ...leftModern]),
        "left stateless": gated("left stateless", "era-legacy"),
        "one place": gated("one place", "era-legacy", { limits: { sessionsPerServer: 1 } }),
        choosy: gated("choosy", "era-legacy"),
      },
      timeouts: { probe: "50ms", gracefulStop: "300ms" },
    },
  });
});
afterAll(async () => {
  await proxy.stop();
  rmSync(place, { recursive: true, force: true });
});

const textOf = ({ answer }: StatelessAnswer): string => {
  const content = (answer.result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? JSON.stringify(answer);
};

const era = { method: "tools/call", params: { name: "era", arguments: {} } };
const eraOf = (name: string): RegExp =>
  new RegExp(`^(?:${name === "era-dual" ? "legacy|modern" : name.split("-")[1]})$`);

describe.each(SLEEPERS)("%s, which takes many times timeouts.probe to start,", (name) => {
  test("serves stateless requests with one process a caller, twice in a row", async () => {
    const server = `${name} stateless`;
    expect(textOf(await callStateless(proxy, server, era))).toMatch(eraOf(name));
    expect(count(server)).toBe(1);
    const other = { ...era, headers: { ENV_SHAPE: "other" } };
    expect(textOf(await callStateless(proxy, server, other))).toMatch(eraOf(name));
    expect(count(server)).toBe(2);
  });

  test.each(TRANSPORTS)("serves sessions over %s with one process each, twice in a row", async (transport) => {
    const server = `${name} ${transport}`;
    for (let n = 1; n <= 2; n++) {
      const session = await openLegacy(proxy, transport, server);
      expect(await session.tool("era")).toMatch(eraOf(name));
      expect(count(server)).toBe(n);
      await session.close();
    }
  });
});

/** Opens a session as a client does that gives up when the server's process is there, long before its answer. */
async function giveUp(transport: TransportName, server: string): Promise<void> {
  const body = initializeBody("2025-11-25", {});
  if (transport === "HTTP+SSE") {
    const session = await proxy.openSse(server);
    expect((await session.post(body)).status).toBe(202);
    await eventually("its process", () => count(server) > 0);
    session.close();
  } else {
    const patience = new AbortController();
    const headers = {
      Authorization: `Bearer ${proxy.secret}`,
      Accept: "application/json",
      "Content-Type": "application/json",
    };
    const given = fetch(endpointOf(proxy, server), { method: "POST", headers, body, signal: patience.signal });
    await eventually("its process", () => count(server) > 0);
    patience.abort();
    await expect(given).rejects.toThrow();
  }
  await proxy.log.until(
    "the session's end",
    (line) => line["server"] === server && line["msg"] === "session ended" && line["reason"] === "client-closed",
  );
}

describe("a client that gives up on a start", () => {
  test.each(LEFT)("over %s (%s) finds it further on when it comes back", async (transport, _, server) => {
    await giveUp(transport, server);
    const again = openLegacy(proxy, transport, server, { revision: "2025-11-25" });
    openGate(server);
    const session = await again;
    expect(await session.tool("era")).toBe("legacy");
    expect(count(server)).toBe(1);
    await session.close();
  });

  test.each(TRANSPORTS)("over %s finds a modern server's, too", async (transport) => {
    const server = `modern ${transport}`;
    await giveUp(transport, server);
    openGate(server);
    const session = await openLegacy(proxy, transport, server, { revision: "2025-11-25" });
    expect(await session.tool("era")).toBe("modern");
    expect(count(server)).toBe(1);
    await session.close();
  });

  test("without a session finds it, too", async () => {
    const server = "left stateless";
    const patience = new AbortController();
    const given = callStateless(proxy, server, { ...era, signal: patience.signal });
    await eventually("its process", () => count(server) > 0);
    patience.abort();
    await expect(given).rejects.toThrow();
    const again = callStateless(proxy, server, era);
    openGate(server);
    expect(textOf(await again)).toBe("legacy");
    expect(count(server)).toBe(1);
  });

  test("has a place already, where one session is allowed", async () => {
    await giveUp("HTTP+SSE", "one place");
    openGate("one place");
    const session = await openLegacy(proxy, "HTTP+SSE", "one place", { revision: "2025-11-25" });
    expect(await session.tool("era")).toBe("legacy");
    await session.close();
  });

  test("and comes back as another gets a process of its own: the first knows who it was started for", async () => {
    await giveUp("Streamable HTTP", "choosy");
    openGate("choosy");
    const session = await openLegacy(proxy, "Streamable HTTP", "choosy", {
      revision: "2025-11-25",
      capabilities: { roots: {} },
    });
    expect(await session.tool("era")).toBe("legacy");
    expect(count("choosy")).toBe(2);
    await session.close();
  });
});
