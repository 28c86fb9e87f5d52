import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import type { LogLine } from "../support/log.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import { hold, receivedBy } from "../support/streamable-puppet.ts";
import { endpointOf, initializeBody, openStreamable, postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const config = {
  mcpServers: {
    puppet: fixture("puppet"),
    echo: fixture("echo"),
    other: fixture("echo"),
    idle: fixture("echo", [], { timeouts: { idle: "2s", silent: "10m" } }),
    silent: fixture("echo", [], { timeouts: { idle: "10m", silent: "500ms" } }),
    brief: fixture("echo", [], { timeouts: { lifetime: "600ms" } }),
    narrow: fixture("echo", [], { limits: { sessionsPerServer: 1 } }),
  },
  timeouts: { gracefulStop: "700ms", heartbeat: "100ms" },
};

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({ config });
});
afterAll(() => proxy.stop());

const withSession = (id: string, server = "echo") => ({
  post: () => postTo(proxy, server, PING, { "Mcp-Session-Id": id }).then(({ status }) => status),
  get: () => proxy.fetch(path(server), { headers: { Accept: "text/event-stream", "Mcp-Session-Id": id } }).then(drop),
  end: () => proxy.fetch(path(server), { method: "DELETE", headers: { "Mcp-Session-Id": id } }).then(drop),
});
const path = (server: string): string => new URL(endpointOf(proxy, server)).pathname;

async function drop(answer: Response): Promise<number> {
  await answer.body?.cancel();
  return answer.status;
}

/** The statuses of a POST, a GET and a DELETE with this session id. */
async function statusesWith(id: string, server?: string): Promise<readonly number[]> {
  const { post, get, end } = withSession(id, server);
  return [await post(), await get(), await end()];
}

describe("the session header", () => {
  test("N1: a missing or empty one is no fault of a POST, and 405 where only sessions have the method", async () => {
    for (const headers of [{}, { "Mcp-Session-Id": " " }]) {
      const posted = await postTo(proxy, "echo", PING, headers);
      expect(posted.status).toBe(200);
      expect(posted.messages()).toMatchObject([{ id: 1, result: {} }]);
    }
    const batch = await postTo(proxy, "echo", `[${PING}]`);
    expect(batch.status).toBe(400);
    expect(batch.messages()[0]).toMatchObject({ error: { data: { code: "session_id_missing" } } });
    for (const method of ["GET", "DELETE"]) {
      const answer = await proxy.fetch(path("echo"), { method, headers: { Accept: "text/event-stream" } });
      expect(await drop(answer)).toBe(405);
      expect(answer.headers.get("allow")).toBe("POST, OPTIONS");
    }
    expect(proxy.children()).toEqual([]);
  });

  test("N1: an unknown one gets 404 for every method, and starts nothing", async () => {
    const answer = await postTo(proxy, "echo", PING, { "Mcp-Session-Id": crypto.randomUUID() });
    expect(answer.status).toBe(404);
    expect(answer.messages()[0]).toMatchObject({
      jsonrpc: "2.0",
      error: { code: -32001, data: { code: "session_not_found" } },
    });
    for (const id of [crypto.randomUUID(), "__proto__", "constructor", "x".repeat(10_000)]) {
      expect([id.slice(0, 40), await statusesWith(id)]).toEqual([id.slice(0, 40), [404, 404, 404]]);
    }
    expect(proxy.children()).toEqual([]);
  });

  test("N1: two of them in one request are no session's", async () => {
    const session = await openStreamable(proxy, "echo");
    const connection = await connectRaw(proxy.port);
    connection.send(
      requestText(
        `POST ${path("echo")} HTTP/1.1`,
        [
          `Host: 127.0.0.1:${proxy.port}`,
          `Authorization: Bearer ${proxy.secret}`,
          "Accept: application/json, text/event-stream",
          "Content-Type: application/json",
          `Mcp-Session-Id: ${session.id}`,
          `Mcp-Session-Id: ${session.id}`,
          `Content-Length: ${PING.length}`,
        ],
        PING,
      ),
    );
    const head = await connection.until("the answer", (received) => received.includes("\r\n\r\n"));
    expect(head).toMatch(/^HTTP\/1\.1 40[04] /);
    connection.destroy();
    await session.end();
  });

  test("N2: a session of another server, or of HTTP+SSE, gets the same answer as an unknown one", async () => {
    const session = await openStreamable(proxy, "echo");
    const sse = await proxy.openSse("echo");
    const unknown = await postTo(proxy, "echo", PING, { "Mcp-Session-Id": crypto.randomUUID() });
    const foreign = await postTo(proxy, "other", PING, { "Mcp-Session-Id": session.id });
    expect(foreign.messages()).toEqual(unknown.messages());
    expect(await statusesWith(session.id, "other")).toEqual([404, 404, 404]);
    expect(await statusesWith(sse.sessionId)).toEqual([404, 404, 404]);
    const crossed = await proxy.fetch(`/echo/message?sessionId=${session.id}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: PING,
    });
    expect(crossed.status).toBe(404);
    expect((await session.request("ping")).result).toEqual({});
    expect((await sse.request("ping")).result).toEqual({});
    sse.close();
    await session.end();
  });

  test("N4: one live session and no id does not reach that session's server: nothing is guessed", async () => {
    const session = await openStreamable(proxy, "puppet");
    expect((await postTo(proxy, "puppet", PING)).status).toBe(200);
    expect((await receivedBy(session)).map(({ method }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
    ]);
    await session.end();
  });

  test("N8: ids of an earlier run get 404", async () => {
    const earlier = await startProxy({ config });
    const session = await openStreamable(earlier, "echo");
    await earlier.stop();
    expect(await statusesWith(session.id)).toEqual([404, 404, 404]);
  });

  test("ids are of visible ASCII, and share nothing but their form", async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => openStreamable(proxy, "echo")));
    const ids = sessions.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{22,}$/);
    for (const session of sessions) await session.end();
  });
});

describe("the end of a session", () => {
  test("N5: DELETE ends it and its child; then every request gets 404, a second DELETE too", async () => {
    const session = await openStreamable(proxy, "echo");
    const listening = await session.listen();
    expect(proxy.children().length).toBeGreaterThan(0);
    expect([200, 204]).toContain(await session.end());
    await within("the stream's end", listening.ended);
    await quiet(proxy);
    expect(await statusesWith(session.id)).toEqual([404, 404, 404]);
  });

  test("N5: requests in flight at a DELETE each get an error, on their own streams", async () => {
    const session = await openStreamable(proxy, "puppet");
    const held = [await hold(session, "a"), await hold(session, "b")];
    const unseen = session.call("hold", {}, "c");
    await eventually("the third one's arrival", async () => (await receivedBy(session)).some(({ id }) => id === "c"));
    await session.end();
    for (const [index, exchange] of [...held, await unseen].entries()) {
      const answer = await exchange.answer();
      expect(answer.id).toBe(["a", "b", "c"][index] ?? "");
      expect(answer.error?.code).toBeLessThan(0);
      await within("the stream's end", exchange.ended);
      expect(exchange.messages().filter(({ method }) => method === undefined).length).toBe(1);
    }
    await quiet(proxy);
  });

  test("N6: messages that race a DELETE are answered or get 404, and start nothing", async () => {
    for (let round = 0; round < 8; round++) {
      const session = await openStreamable(proxy, "echo");
      const racing = Array.from({ length: 8 }, async (_, index) => {
        const exchange = await session.post(`{"jsonrpc":"2.0","id":"r${index}","method":"ping"}`);
        await within("the answer's end", exchange.ended);
        return [exchange.status, exchange.messages().filter(({ method }) => method === undefined).length];
      });
      const ended = session.end();
      for (const [status, answers] of await Promise.all(racing)) {
        expect([200, 404]).toContain(status ?? 0);
        expect(answers).toBe(1);
      }
      expect([200, 204]).toContain(await ended);
    }
    await quiet(proxy);
  });

  test("N6: of several DELETEs at once one ends it, and none is an error of the proxy", async () => {
    const session = await openStreamable(proxy, "echo");
    const statuses = await Promise.all([session.end(), session.end(), session.end()]);
    expect(statuses.filter((status) => status < 300).length).toBeGreaterThan(0);
    for (const status of statuses) expect([200, 204, 404]).toContain(status);
    await quiet(proxy);
  });

  test("N7: without a stream and without messages it ends after the idle limit", async () => {
    const session = await openStreamable(proxy, "idle");
    await quiet(proxy);
    expect(await statusesWith(session.id, "idle")).toEqual([404, 404, 404]);
    await proxy.log.until("its end", (line) => line["server"] === "idle" && line["reason"] === "idle");
  });

  test("N7: an open stream lifts the idle limit, and messages do", async () => {
    const streaming = await openStreamable(proxy, "idle");
    const listening = await streaming.listen();
    const busy = await openStreamable(proxy, "idle");
    const before = proxy.log.lines.length;
    await openStreamable(proxy, "idle");
    const isIdle = (line: LogLine): boolean => line["server"] === "idle" && line["reason"] === "idle";
    while (!proxy.log.lines.slice(before).some(isIdle)) expect((await busy.request("ping")).result).toEqual({});
    expect((await busy.request("ping")).result).toEqual({});
    expect(listening.isEnded()).toBe(false);
    expect((await streaming.request("ping")).result).toEqual({});
    listening.cut();
    await quiet(proxy);
  });

  test("N7: with an open stream but no message it ends after the silent limit", async () => {
    const session = await openStreamable(proxy, "silent");
    const listening = await session.listen();
    await within("the stream's end", listening.ended);
    expect(await statusesWith(session.id, "silent")).toEqual([404, 404, 404]);
    await quiet(proxy);
  });

  test("N7: it ends at its lifetime, busy or not", async () => {
    const session = await openStreamable(proxy, "brief");
    await eventually("404", async () => (await session.call("ping")).status === 404);
    await quiet(proxy);
  });
});

describe("limits", () => {
  test("R1: one session over the server's limit gets 503 with Retry-After, until one has ended", async () => {
    const session = await openStreamable(proxy, "narrow");
    // One that nobody uses would make room.
    const stream = await session.listen();
    const refused = await postTo(proxy, "narrow", initializeBody("2025-11-25"));
    expect(refused.status).toBe(503);
    expect(refused.messages()[0]).toMatchObject({ error: { data: { code: "server_session_limit" } } });
    expect(Number(refused.response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.response.headers.get("mcp-session-id")).toBeNull();
    stream.cut();
    await session.end();
    // The place is free a moment after the last trace of the child is gone.
    await (await eventually("a place", () => openStreamable(proxy, "narrow"))).end();
  });

  test("R1: a session that its client left, without a word, makes room for the next one at the limit", async () => {
    await quiet(proxy);
    const left = await eventually("a place", () => openStreamable(proxy, "narrow"));
    const next = await openStreamable(proxy, "narrow");
    expect((await next.request("ping")).result).toEqual({});
    expect((await left.call("ping")).status).toBe(404);
    await proxy.log.until("the end", (line) => line["msg"] === "session ended" && line["reason"] === "evicted");
    await next.end();
    await quiet(proxy);
  });

  test("J16: requests over the number that may be in flight get 429 with Retry-After", async () => {
    const session = await openStreamable(proxy, "puppet");
    // As many as Bun's fetch has connections for would not do: each held request keeps one. So they go out by hand.
    const connections = await Promise.all(Array.from({ length: 257 }, () => connectRaw(proxy.port)));
    const fields = Object.entries({ ...session.headers, Accept: "application/json, text/event-stream" });
    const answered = connections.map((connection, id) => {
      const body = `{"jsonrpc":"2.0","id":${id},"method":"hold"}`;
      const head = [
        `Host: 127.0.0.1:${proxy.port}`,
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
      ];
      connection.send(
        requestText(
          `POST ${path("puppet")} HTTP/1.1`,
          [...head, ...fields.map(([name, value]) => `${name}: ${value}`)],
          body,
        ),
      );
      return connection.until("an answer", (text) => text.startsWith("HTTP/1.1 429"));
    });
    const refusal = await Promise.any(answered);
    expect(refusal).toMatch(/retry-after: [1-9]/i);
    expect(refusal).toContain("too_many_in_flight");
    for (const connection of connections) connection.destroy();
    await Promise.allSettled(answered);
    await session.end();
  });
});
