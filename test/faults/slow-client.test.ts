import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { residentBytes } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, type RawConnection, requestText } from "../support/raw-http.ts";
import { startRelay } from "../support/relay.ts";
import { fixture } from "../support/server-entry.ts";
import { openSse } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const MIB = 1_048_576;

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        echo: fixture("echo"),
        flood: fixture("floods-stdout"),
        stalling: fixture("floods-stdout", [], { timeouts: { stalledWrite: "400ms" } }),
        silent: fixture("echo", [], { timeouts: { silent: "2s" } }),
      },
      limits: { outboxBytes: "1MB" },
      timeouts: { heartbeat: "50ms", gracefulStop: "500ms" },
    },
  });
});
afterAll(() => proxy.stop());

/** A client on a bare connection that has opened a session, set the child off, and stopped reading. */
async function openAndPause(server: string): Promise<RawConnection> {
  const common = [`Host: 127.0.0.1:${proxy.port}`, `Authorization: Bearer ${proxy.secret}`];
  const connection = await connectRaw(proxy.port);
  connection.send(requestText(`GET /${server}/sse HTTP/1.1`, [...common, "Accept: text/event-stream"]));
  const head = await connection.until("the endpoint", (received) => /data: \S+\n\n/.test(received));
  const reference = /data: (\S+)\n\n/.exec(head)?.[1] ?? "";
  connection.pause();
  const answer = await proxy.fetch(reference, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"jsonrpc":"2.0","method":"notifications/go"}',
  });
  expect(answer.status).toBe(202);
  return connection;
}

describe("a client that does not keep up", () => {
  test("S5: is not waited for in memory, and nobody else notices", async () => {
    const other = await proxy.openSse("echo");
    await other.request("ping");
    const before = residentBytes(proxy.pid);
    const connection = await openAndPause("flood");
    for (let ping = 0; ping < 200; ping++) expect((await other.request("ping")).result).toEqual({});
    expect(residentBytes(proxy.pid) - before).toBeLessThan(48 * MIB);
    connection.destroy();
    other.close();
    await quiet(proxy);
  });

  test("S5: gets the rest once it reads again", async () => {
    const connection = await openAndPause("flood");
    const paused = connection.receivedBytes();
    connection.resume();
    await eventually("twenty MiB more", () => connection.receivedBytes() > paused + 20 * MIB);
    connection.destroy();
    await quiet(proxy);
  });

  test("S5: that makes no headway for timeouts.stalledWrite is gone, and its child with it", async () => {
    const connection = await openAndPause("stalling");
    await quiet(proxy);
    connection.destroy();
  });

  test("S6, N7: a half-open one is gone by the silent limit, with its child", async () => {
    await using relay = await startRelay(proxy.port);
    const session = await openSse(`http://127.0.0.1:${relay.port}/silent/sse`, {
      Authorization: `Bearer ${proxy.secret}`,
    });
    await session.request("ping");
    relay.freeze();
    expect(proxy.children().length).toBeGreaterThan(0);
    await quiet(proxy);
    session.close();
  });

  test("N7: a session with an open stream and no message for the silent limit is ended", async () => {
    const session = await proxy.openSse("silent");
    await session.ended;
    expect((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status).toBe(404);
    await quiet(proxy);
  });

  test("N7: messages keep a session beyond the silent limit", async () => {
    const session = await proxy.openSse("silent");
    const silent = await proxy.openSse("silent");
    let isOver = false;
    void silent.ended.then(() => {
      isOver = true;
    });
    while (!isOver) expect((await session.request("ping")).result).toEqual({});
    expect((await session.request("ping")).result).toEqual({});
    session.close();
  });
});
