import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { fixture, shell } from "../support/server-entry.ts";
import { ACCEPT_BOTH, initializeBody, openStreamable, postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const INITIALIZE = initializeBody("2025-11-25");
/** Of a client that takes no event stream: its answer has the status of what became of it, however slow the machine is. */
const JSON_ONLY = { Accept: "application/json" };

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        echo: fixture("echo"),
        "says nothing": fixture("never-answers", ["nothing"], { timeouts: { start: "600ms" } }),
        "exits at once": fixture("exits-at-once"),
        "dies on initialize": shell("read line; echo 'fixture: no licence' >&2; exit 5"),
        "killed on initialize": shell("read line; kill -KILL $$"),
        absent: { command: "mcp-sse-proxy-no-such-program", args: [] },
        refusing: shell(
          `read line; printf '%s\\n' '{"jsonrpc":"2.0","id":"initialize","error":{"code":-32602,"message":"not you"}}'; cat >/dev/null`,
        ),
        "talks first": shell(
          `read line; printf '%s\\n' '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"first"}}' ` +
            `'{"jsonrpc":"2.0","id":"initialize","result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}'; cat >/dev/null`,
        ),
        downgrading: shell(
          `read line; printf '%s\\n' '{"jsonrpc":"2.0","id":"initialize","result":{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}'; ` +
            `read line; read line; printf '%s\\n' '{"jsonrpc":"2.0","id":1,"result":{}}'; cat >/dev/null`,
        ),
        later: shell(
          `read line; printf '%s\\n' '{"jsonrpc":"2.0","id":"initialize","result":{"protocolVersion":"2099-01-01","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}'; ` +
            `read line; read line; printf '%s\\n' '{"jsonrpc":"2.0","id":1,"result":{}}'; cat >/dev/null`,
        ),
        "slow but not for ever": fixture("slow-start", ["3000"]),
        "slow and failing": shell("read line; sleep 3; exit 4"),
        slow: fixture("slow-start", ["60000"], { limits: { sessionsPerServer: 1 } }),
        "slow but there": fixture("slow-start", ["700"]),
      },
      timeouts: { gracefulStop: "500ms", heartbeat: "50ms", probe: "200ms" },
    },
  });
});
afterAll(() => proxy.stop());
// A child that an earlier test left is still being stopped: a test that says "nothing starts" must not see it.
beforeEach(() => quiet(proxy));

describe("initialize", () => {
  test("C6: that the child does not answer by the start deadline gets 504, and the child is gone", async () => {
    const answer = await postTo(proxy, "says nothing", INITIALIZE, JSON_ONLY);
    expect([answer.status, answer.response.headers.get("mcp-session-id")]).toEqual([504, null]);
    expect(answer.messages()[0]).toMatchObject({
      jsonrpc: "2.0",
      error: { code: -32001, data: { code: "start_timeout" } },
    });
    await quiet(proxy);
  });

  test.each([
    ["exits at once", { exitCode: 3 }, "no configuration found"],
    ["dies on initialize", { exitCode: 5 }, "no licence"],
    ["killed on initialize", { signal: "SIGKILL" }, ""],
  ])("C2: %s: 502 with the reason", async (server, data, lastWords) => {
    const answer = await postTo(proxy, server, INITIALIZE, JSON_ONLY);
    expect([answer.status, answer.response.headers.get("mcp-session-id")]).toEqual([502, null]);
    const [message] = answer.messages();
    expect(message?.error?.data).toMatchObject({ code: "child_exited", ...data });
    expect(JSON.stringify(message?.error?.data)).toContain(lastWords);
    await quiet(proxy);
  });

  test("C1: of a server that cannot be started gets 502 without a path", async () => {
    const answer = await postTo(proxy, "absent", INITIALIZE, JSON_ONLY);
    expect(answer.status).toBe(502);
    expect(answer.messages()[0]).toMatchObject({ error: { data: { code: "child_start_failed" } } });
    expect(JSON.stringify(answer.messages())).not.toContain("no-such-program");
  });

  test("that the child refuses comes back as the child put it, and there is no session", async () => {
    const answer = await postTo(proxy, "refusing", INITIALIZE, JSON_ONLY);
    expect(answer.messages()).toEqual([
      { jsonrpc: "2.0", id: "initialize", error: { code: -32602, message: "not you" } },
    ]);
    expect(answer.response.headers.get("mcp-session-id")).toBeNull();
    await quiet(proxy);
  });

  test("has its answer although the child says something else first, and nothing of that is lost", async () => {
    const session = await openStreamable(proxy, "talks first");
    const opening = session.opening.messages();
    expect(opening.filter(({ id }) => id === "initialize").length).toBe(1);
    if (opening.length === 1) {
      const stream = await session.listen();
      await stream.message("the log message", ({ method }) => method === "notifications/message");
      stream.cut();
    }
    await session.end();
  });

  test("names the session in a header of its answer, never in another answer", async () => {
    const session = await openStreamable(proxy, "echo");
    const { response } = await session.call("ping");
    expect([null, session.id]).toContain(response.headers.get("mcp-session-id"));
    await session.end();
  });

  test("of a server that only knows an older revision makes a session of that revision", async () => {
    const session = await openStreamable(proxy, "downgrading", { headers: { "MCP-Protocol-Version": "2024-11-05" } });
    expect((await session.opening.answer()).result).toMatchObject({ protocolVersion: "2024-11-05" });
    expect((await session.request("ping")).result).toEqual({});
    await session.end();
  });

  test("of a server that answers with a revision of its own makes a session whose client may name that one", async () => {
    const session = await openStreamable(proxy, "later", { headers: { "MCP-Protocol-Version": "2099-01-01" } });
    expect((await session.request("ping")).result).toEqual({});
    const other = await session.post('{"jsonrpc":"2.0","id":2,"method":"ping"}', {
      "MCP-Protocol-Version": "2099-01-02",
    });
    expect(other.status).toBe(400);
    expect(other.messages()[0]).toMatchObject({ id: 2, error: { data: { code: "bad_header" } } });
    await session.end();
  });

  test("that is slow is waited for on an event stream, whose head names the session", async () => {
    const opening = await postTo(proxy, "slow but not for ever", INITIALIZE);
    expect(opening.response.headers.get("content-type")).toBe("text/event-stream");
    const id = opening.response.headers.get("mcp-session-id") ?? "";
    expect(opening.messages()).toEqual([]);
    const answer = await opening.answer();
    expect(answer).toMatchObject({ id: "initialize", result: { protocolVersion: "2025-11-25" } });
    const pinged = await postTo(proxy, "slow but not for ever", '{"jsonrpc":"2.0","id":1,"method":"ping"}', {
      "Mcp-Session-Id": id,
    });
    expect((await pinged.answer()).result).toEqual({});
    await proxy.fetch("/slow%20but%20not%20for%20ever/mcp", { method: "DELETE", headers: { "Mcp-Session-Id": id } });
  });

  test("that is slow and fails is told so on its event stream, and the session that its head named is none", async () => {
    const opening = await postTo(proxy, "slow and failing", INITIALIZE);
    expect(opening.status).toBe(200);
    expect(await opening.answer()).toMatchObject({ id: "initialize", error: { data: { code: "child_exited" } } });
    const id = opening.response.headers.get("mcp-session-id") ?? "";
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    expect((await postTo(proxy, "slow and failing", ping, { "Mcp-Session-Id": id })).status).toBe(404);
  });

  test.each(["gone", crypto.randomUUID()])(
    "that carries the id of a session that is over opens another: %s",
    async (id) => {
      const opening = await postTo(proxy, "echo", INITIALIZE, { "Mcp-Session-Id": id });
      expect(opening.status).toBe(200);
      const named = opening.response.headers.get("mcp-session-id") ?? "";
      expect(["", id]).not.toContain(named);
      const ended = await proxy.fetch("/echo/mcp", { method: "DELETE", headers: { "Mcp-Session-Id": named } });
      expect(ended.status).toBe(204);
      await quiet(proxy);
    },
  );

  test("is waited for as long as the start may take", async () => {
    const session = await openStreamable(proxy, "slow but there");
    expect((await session.request("ping")).result).toEqual({});
    await session.end();
  });

  test("that is no valid JSON gets 400 and starts nothing", async () => {
    expect((await postTo(proxy, "echo", '{"jsonrpc":"2.0","id":1,"method":"initialize"')).status).toBe(400);
    expect(proxy.children()).toEqual([]);
  });

  test("a second time in a session is no second session", async () => {
    const session = await openStreamable(proxy, "echo");
    const again = await session.post(initializeBody("2025-11-25", {}, "again"));
    const named = again.response.headers.get("mcp-session-id");
    expect([null, session.id]).toContain(named);
    await session.end();
    await quiet(proxy);
  });

  test("S3: of a client that leaves meanwhile goes on, and the next attempt takes it up though one session is allowed", async () => {
    const head = [
      `Host: 127.0.0.1:${proxy.port}`,
      `Authorization: Bearer ${proxy.secret}`,
      `Accept: ${ACCEPT_BOTH}`,
      "Content-Type: application/json",
      `Content-Length: ${INITIALIZE.length}`,
    ];
    const connection = await connectRaw(proxy.port);
    connection.send(requestText("POST /slow/mcp HTTP/1.1", head, INITIALIZE));
    const [child] = await eventually("the child", () => {
      const children = proxy.children();
      return children.length > 0 ? children : undefined;
    });
    connection.destroy();
    const session = await openStreamable(proxy, "slow");
    expect(proxy.children().map(({ pid }) => pid)).toContain(child?.pid ?? 0);
    expect(await liveSessions("slow")).toBe(1);
    await session.end();
    await quiet(proxy);
    await eventually("its place to be free", async () => (await liveSessions("slow")) === 0);
  });
});

async function liveSessions(server: string): Promise<number | undefined> {
  const { servers } = (await (await proxy.fetch("/servers")).json()) as {
    servers: readonly { readonly name: string; readonly sessions: number }[];
  };
  return servers.find(({ name }) => name === server)?.sessions;
}
