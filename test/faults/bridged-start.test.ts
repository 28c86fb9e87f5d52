import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { openLegacy } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";
import { initializeBody, postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const REFUSAL = { code: -32602, message: "No roots", data: { missing: ["roots"] } };
const WAYS = ["stays", "exits", "mute"] as const;
const UNMET = Array.from({ length: 2 }, (_, n) => `unmet ${n}`);

let proxy: TestProxy;
beforeAll(async () => {
  const shared = { isolation: "shared" };
  const refusing = WAYS.flatMap((way) =>
    TRANSPORTS.map((transport) => [`${way} ${transport}`, fixture("refuses-initialize", [way, transport])] as const),
  );
  proxy = await startProxy({
    config: {
      mcpServers: {
        ...Object.fromEntries(refusing),
        ...Object.fromEntries(UNMET.map((name) => [name, fixture("era-modern", [name])])),
        "never probed": fixture("refuses-initialize", ["stays", "never"], { timeouts: { probe: 0 } }),
        "modern, never probed": fixture("era-modern", ["never"], { timeouts: { probe: 0 } }),
        "long probe": fixture("refuses-initialize", ["mute", "long"], { timeouts: { probe: "1m" } }),
        raw: fixture("raw-params", ["modern"]),
        dual: fixture("era-dual"),
        "shared dual": fixture("era-dual", ["shared"], shared),
        "shared refusing": fixture("refuses-initialize", ["stays", "shared"], shared),
      },
      timeouts: { warm: 0, probe: "300ms" },
      limits: { concurrentStarts: 1 },
    },
  });
});
afterAll(() => proxy.stop());

/** How often processes of this server were met by a method. */
const met = (server: string, method: string): number =>
  proxy.log.lines.filter((line) => line["server"] === server && line["stderr"] === `met by ${method}`).length;

/** Initialises and resolves with the answer; the client goes on listening where it can. */
async function tryToOpen(transport: string, server: string): Promise<{ answer: Message; ended: Promise<unknown> }> {
  if (transport === "Streamable HTTP") {
    const exchange = await postTo(proxy, server, initializeBody("2025-11-25"));
    return { answer: await exchange.answer(), ended: exchange.ended };
  }
  const session = await proxy.openSse(server);
  expect((await session.post(initializeBody("2025-11-25"))).status).toBe(202);
  const answer = await session.message("the answer", ({ id }) => id === "initialize");
  session.close();
  return { answer, ended: session.ended };
}

describe.each(TRANSPORTS)("a legacy server that refuses a client over %s", (transport) => {
  test.each([...WAYS])("is heard in its own words, and nothing is left of the attempt (%s)", async (way) => {
    const server = `${way} ${transport}`;
    const { answer, ended } = await tryToOpen(transport, server);
    expect(answer).toEqual({ jsonrpc: "2.0", id: "initialize", error: REFUSAL });
    await ended;
    await quiet(proxy);
    // The process that refused is the one that was asked.
    expect([met(server, "initialize"), met(server, "server/discover")]).toEqual([1, 0]);
    const later = await tryToOpen(transport, server);
    expect(later.answer.error).toEqual(REFUSAL);
    await later.ended;
    const session = await openLegacy(proxy, transport, server, { capabilities: { roots: {} } });
    if (way !== "mute") expect(await session.tool("echo", { message: "in" })).toBe("in");
    await session.close();
    await quiet(proxy);
  });

  test("is not asked for its era when timeouts.probe is 0, and is served all the same when its refusal tells", async () => {
    const { answer, ended } = await tryToOpen(transport, "never probed");
    expect(answer.error?.code).toBe(-32602);
    await ended;
    const session = await openLegacy(proxy, transport, "modern, never probed");
    expect(await session.tool("era")).toBe("modern");
    await session.close();
    await quiet(proxy);
  });

  test("that shares its children tells why, too", async () => {
    const { answer, ended } = await tryToOpen(transport, "shared refusing");
    expect(answer.error).toMatchObject({ data: { code: "child_refused", serverError: REFUSAL } });
    await ended;
    await quiet(proxy);
  });

  test.each(["dual", "shared dual"])("is served in its client's era when it has both (%s)", async (server) => {
    for (let n = 0; n < 2; n++) {
      const session = await openLegacy(proxy, transport, server);
      expect(await session.tool("era")).toBe("legacy");
      await session.close();
    }
    await quiet(proxy);
  });
});

describe("a server whose era is being found out", () => {
  test("leaves nothing behind when its client leaves, long before it would answer", async () => {
    const session = await proxy.openSse("long probe");
    await session.post(initializeBody("2025-11-25"));
    await eventually("the refusal", () => met("long probe", "initialize") === 1);
    session.close();
    await quiet(proxy);
  });

  test("is left alone on a shutdown, which ends in time", async () => {
    await using other = await startProxy({
      config: {
        mcpServers: { mute: fixture("refuses-initialize", ["mute"]) },
        timeouts: { probe: "1m", shutdown: "2s", gracefulStop: "500ms" },
      },
    });
    const session = await other.openSse("mute");
    await session.post(initializeBody("2025-11-25"));
    await other.log.until("the refusal", (line) => line["stderr"] === "met by initialize");
    const started = performance.now();
    await other.stop();
    expect(performance.now() - started).toBeLessThan(8_000);
    await session.ended;
  });

  test("serves all who meet it first at once, each with a child of its own, though one may start at a time", async () => {
    const sessions = await Promise.all(
      UNMET.flatMap((server) =>
        TRANSPORTS.map((transport) => openLegacy(proxy, transport, server, { revision: "2025-06-18" })),
      ),
    );
    for (const session of sessions) expect(await session.tool("era")).toBe("modern");
    const count = (): number => proxy.children().filter(isServer).length;
    await eventually("the first children to be gone", () => count() === sessions.length);
    for (const session of sessions) await session.close();
    await quiet(proxy);
  });

  test("is known when its session is over: the next one has one child from the start", async () => {
    const first = await openLegacy(proxy, "HTTP+SSE", "raw");
    await first.close();
    expect([met("raw", "initialize"), met("raw", "server/discover")]).toEqual([1, 0]);
    const second = await openLegacy(proxy, "Streamable HTTP", "raw");
    expect((await second.request("x/y", {})).result).toHaveProperty("seen");
    expect([met("raw", "initialize"), met("raw", "server/discover")]).toEqual([1, 1]);
    await second.close();
    await quiet(proxy);
  });
});

function isServer({ commandLine }: { readonly commandLine: string }): boolean {
  return commandLine.startsWith(process.execPath) && commandLine.includes("era-modern");
}
