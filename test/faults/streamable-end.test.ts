import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { residentBytes } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, type RawConnection, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import { answerTo, fill, hold, receivedBy, say } from "../support/streamable-puppet.ts";
import { ACCEPT_BOTH, openStreamable, type StreamableSession } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const MIB = 1_048_576;

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        puppet: fixture("puppet"),
        "puppet with short patience": fixture("puppet", [], { timeouts: { request: "2s" } }),
        "puppet with short lines": fixture("puppet", [], { limits: { lineBytes: "64KB" } }),
        stalling: fixture("puppet", [], { timeouts: { stalledWrite: "400ms" } }),
      },
      limits: { outboxBytes: "1MB" },
      timeouts: { gracefulStop: "500ms", heartbeat: "50ms" },
    },
  });
});
afterAll(() => proxy.stop());

describe("a child that dies", () => {
  test("C3: every request that it owed an answer gets one error with the reason, the streams end, and then it is 404", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    const held = [await hold(session, "a"), await hold(session, 2)];
    await session.notify("notifications/exit");
    for (const [index, exchange] of held.entries()) {
      const answer = await exchange.answer();
      expect(answer.id).toBe(["a", 2][index] ?? "");
      expect(answer.error?.code).toBe(-32000);
      expect(answer.error?.data).toMatchObject({ code: "child_exited", exitCode: 7 });
      expect(JSON.stringify(answer.error?.data)).toContain("told to end");
      await within("the stream's end", exchange.ended);
      expect(exchange.messages().filter(({ method }) => method === undefined).length).toBe(1);
    }
    await within("the standalone stream's end", standalone.ended);
    expect((await session.call("ping")).status).toBe(404);
    expect((await session.listen()).status).toBe(404);
    expect((await session.listen(held[0]?.lastEventId())).status).toBe(404);
    expect(await session.end()).toBe(404);
    await quiet(proxy);
  });

  test("C3: a request whose form is not decided yet gets the same error", async () => {
    const session = await openStreamable(proxy, "puppet");
    const waiting = session.call("hold", {}, "undecided");
    // The next message reaches the child after the request did, or the request finds the session gone.
    await session.notify("notifications/exit");
    const exchange = await waiting;
    const answer = await exchange.answer();
    const code = exchange.status === 404 ? "session_not_found" : "child_exited";
    expect(answer.error?.data).toMatchObject({ code });
    await quiet(proxy);
  });

  test("C14: for a line over the limit says so, and then it is 404", async () => {
    const session = await openStreamable(proxy, "puppet with short lines");
    const held = await hold(session, "a");
    await fill(session, 1, 100_000);
    expect((await held.answer()).error?.data).toMatchObject({ code: "child_line_too_large" });
    await within("the stream's end", held.ended);
    expect((await session.call("ping")).status).toBe(404);
    await quiet(proxy);
  });
});

describe("a child that is silent", () => {
  test("C5: a request that is not answered in time gets an error on its stream, and the child is told", async () => {
    const session = await openStreamable(proxy, "puppet with short patience");
    const held = await hold(session, "a");
    const answer = await held.answer();
    expect([answer.id, answer.error?.code]).toEqual(["a", -32001]);
    expect(answer.error?.data).toMatchObject({ code: "child_timeout" });
    await within("the stream's end", held.ended);
    expect((await receivedBy(session)).at(-1)).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: "a" },
    });
    // A late answer is nobody's, and the session goes on.
    await say(session, answerTo("a"));
    expect((await session.request("ping")).result).toEqual({});
    await session.end();
  });

  test("C5: progress restarts the time of its request", async () => {
    const session = await openStreamable(proxy, "puppet with short patience");
    const held = await hold(session, "a");
    const forgotten = await hold(session, "b");
    for (let report = 1; !forgotten.isEnded(); report++) {
      await say(session, { method: "notifications/progress", params: { progressToken: "a", progress: report } });
    }
    expect((await forgotten.answer()).error?.data).toMatchObject({ code: "child_timeout" });
    await say(session, answerTo("a"));
    expect((await held.answer()).result).toEqual({ text: "done" });
    await session.end();
  });
});

/** Posts a held request on a bare connection that stops reading once its stream has begun. */
async function holdAndPause(session: StreamableSession): Promise<RawConnection> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: "a", method: "hold", params: { _meta: { progressToken: "a" } } });
  const fields = Object.entries({ ...session.headers, Accept: ACCEPT_BOTH, "Content-Type": "application/json" });
  const connection = await connectRaw(proxy.port);
  connection.send(
    requestText(
      `POST ${new URL(session.url).pathname} HTTP/1.1`,
      [
        `Host: 127.0.0.1:${proxy.port}`,
        `Content-Length: ${body.length}`,
        ...fields.map(([name, value]) => `${name}: ${value}`),
      ],
      body,
    ),
  );
  await connection.until("the report", (received) => received.includes("notifications/progress"));
  connection.pause();
  return connection;
}

describe("a client that does not keep up", () => {
  test("S5: is not waited for in memory, and nobody else notices", async () => {
    const other = await openStreamable(proxy, "puppet");
    const session = await openStreamable(proxy, "puppet");
    const before = residentBytes(proxy.pid);
    const connection = await holdAndPause(session);
    await fill(session, 4_000, 64_000);
    for (let ping = 0; ping < 200; ping++) expect((await other.request("ping")).result).toEqual({});
    expect(residentBytes(proxy.pid) - before).toBeLessThan(48 * MIB);
    connection.destroy();
    await session.end();
    await other.end();
    await quiet(proxy);
  });

  test("S5: gets the rest once it reads again", async () => {
    const session = await openStreamable(proxy, "puppet");
    const connection = await holdAndPause(session);
    const paused = connection.receivedBytes();
    await fill(session, 500, 64_000);
    await say(session, answerTo("a"));
    connection.resume();
    await connection.until("the answer", (received) => received.includes('"id":"a","result"'));
    expect(connection.receivedBytes() - paused).toBeGreaterThan(500 * 64_000);
    connection.destroy();
    await session.end();
  });

  test("S5: that makes no headway for timeouts.stalledWrite loses its connection, and the session goes on", async () => {
    const session = await openStreamable(proxy, "stalling");
    const connection = await holdAndPause(session);
    await fill(session, 500, 64_000);
    // While the child is not read nothing is answered: an answer means that the stalled connection is no longer waited for.
    expect((await session.request("ping")).result).toEqual({});
    connection.destroy();
    await session.end();
    await quiet(proxy);
  });
});
