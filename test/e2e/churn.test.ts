import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { descriptorCount, residentBytes } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { startRelay } from "../support/relay.ts";
import { fixture } from "../support/server-entry.ts";
import { openSse } from "../support/sse-session.ts";
import { connectFirst } from "./clients.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const MIB = 1_048_576;

/** Sessions to open and drop. The suite opens a few; CHURN=500 is the whole promise. */
const SESSIONS = Number(process.env["CHURN"] ?? 60);
const AT_ONCE = 6;

const CLIENT = join(import.meta.dir, "churn-client.ts");

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    binary: true,
    config: {
      mcpServers: {
        echo: fixture("echo"),
        holding: fixture("never-answers"),
        flood: fixture("floods-stdout"),
        slow: fixture("slow-start", ["60000"]),
        silent: fixture("echo", [], { timeouts: { silent: "700ms" } }),
      },
      // A start goes on without its client: it has an end here, and what it came to is kept for nobody.
      timeouts: { heartbeat: "200ms", gracefulStop: "1s", start: "10s", warm: 0 },
    },
  });
}, TEST_MS);
afterAll(() => proxy.stop());

/** The ways in which clients leave. Each resolves when its client is gone; the proxy may still be busy with it. */
const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  "a clean close": async () => {
    const client = await connectFirst(proxy, "echo");
    await client.callTool({ name: "echo", arguments: { message: "x" } });
    await client.close();
  },
  "in the middle of a request": async () => {
    const session = await proxy.openSse("holding");
    await session.request("initialize");
    await session.begin("tools/call");
    session.close();
  },
  "in the middle of a flood": async () => {
    const session = await proxy.openSse("flood");
    await session.post('{"jsonrpc":"2.0","method":"go"}');
    await session.message("the flood", ({ method }) => method !== undefined);
    session.close();
  },
  "before the endpoint event": async () => {
    const connection = await connectRaw(proxy.port);
    connection.send(opening("slow"));
    connection.destroy();
  },
  "with a reset, in the middle of a body": async () => {
    const session = await proxy.openSse("echo");
    const connection = await connectRaw(proxy.port);
    connection.send(
      `${opening("echo").replace("GET /echo/sse", `POST ${session.reference}`).trimEnd()}\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"jsonrpc`,
    );
    connection.destroy();
    session.close();
  },
  "half open: the network just stops": async () => {
    await using relay = await startRelay(proxy.port);
    const session = await openSse(`http://127.0.0.1:${relay.port}/silent/sse`, {
      Authorization: `Bearer ${proxy.secret}`,
    });
    await session.request("ping");
    relay.freeze();
    // The relay still holds both connections when the silent limit has ended the session.
    await proxy.log.until("the end of a silent session", (line) => line["reason"] === "silent");
    session.close();
  },
  "kill -9 of the client's process": async () => {
    const client = Bun.spawn([process.execPath, CLIENT, `${proxy.url}/holding/sse`, proxy.secret], {
      stdout: "pipe",
      stderr: "ignore",
    });
    const reader = client.stdout.getReader();
    await reader.read();
    client.kill("SIGKILL");
    await client.exited;
    await reader.cancel();
  },
};

function opening(server: string): string {
  return requestText(`GET /${server}/sse HTTP/1.1`, [
    `Host: 127.0.0.1:${proxy.port}`,
    `Authorization: Bearer ${proxy.secret}`,
    "Accept: text/event-stream",
  ]);
}

async function churn(sessions: number): Promise<void> {
  const ways = Object.values(WAYS);
  let next = 0;
  const workers = Array.from({ length: AT_ONCE }, async () => {
    while (next < sessions) await ways[next++ % ways.length]?.();
  });
  await Promise.all(workers);
}

test(
  `R7: ${SESSIONS} sessions, dropped in every way a client can, leave no process, descriptor, directory or memory`,
  async () => {
    // Once through every way first: code that is compiled and caches that are filled on first use are no leak.
    await churn(Object.keys(WAYS).length * 2);
    await quiet(proxy);
    await eventually("idle connections to be closed", async () => descriptorCount(proxy.pid) < 64);
    const before = { descriptors: descriptorCount(proxy.pid), bytes: residentBytes(proxy.pid) };
    await churn(SESSIONS);
    await quiet(proxy);
    await eventually(
      `the ${before.descriptors} descriptors of before, and no more than the few connections that this client keeps alive`,
      () => descriptorCount(proxy.pid) <= before.descriptors + 2,
    );
    await eventually("the memory to return", () => residentBytes(proxy.pid) - before.bytes < 40 * MIB);
    const { servers } = (await (await proxy.fetch("/servers")).json()) as { servers: { sessions: number }[] };
    expect(servers.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(0);
    const zombies = Bun.spawnSync(["ps", "-o", "stat=", "--ppid", String(proxy.pid)]).stdout.toString();
    expect(zombies).not.toContain("Z");
  },
  SESSIONS * 1_000 + 60_000,
);
