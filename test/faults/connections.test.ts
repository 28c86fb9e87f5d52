import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        echo: fixture("echo"),
        brief: fixture("exits-mid-request", [], { timeouts: { start: "20s" } }),
        deaf: fixture("never-answers"),
        late: fixture("never-answers", ["nothing"]),
      },
      timeouts: { start: "400ms", request: "400ms" },
    },
  });
});
afterAll(() => proxy.stop());
// What an earlier test left must not count.
beforeEach(() => quiet(proxy));

/** Sockets that the proxy has open: connections, and the pipes of its children. */
function sockets(): number {
  const directory = `/proc/${proxy.pid}/fd`;
  return readdirSync(directory).filter((fd) => {
    try {
      return readlinkSync(`${directory}/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

const fields = () => [`Host: 127.0.0.1:${proxy.port}`, `Authorization: Bearer ${proxy.secret}`];
const openText = (server: string) =>
  requestText(`GET /${server}/sse HTTP/1.1`, [...fields(), "Accept: text/event-stream"]);

describe("a connection", () => {
  test("ends with its session, though its client would keep it", async () => {
    await proxy.fetch("/health");
    const before = sockets();
    const connections = await Promise.all(Array.from({ length: 5 }, () => connectRaw(proxy.port)));
    for (const connection of connections) connection.send(openText("brief"));
    for (const connection of connections) {
      const head = await connection.until("the endpoint", (received) => /data: \S+\n\n/.test(received));
      const answer = await proxy.fetch(/data: (\S+)\n\n/.exec(head)?.[1] ?? "", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
      });
      expect(answer.status).toBe(202);
    }
    for (const connection of connections) await within("the end of the connection", connection.closed);
    await quiet(proxy);
    // The test's own client may keep a connection or two for its next request.
    await eventually("the sockets to be closed", () => sockets() <= before + 2);
  });

  test("that breaks off in the middle of a body is nobody's error", async () => {
    const session = await proxy.openSse("echo");
    const connection = await connectRaw(proxy.port);
    const url = `${session.endpoint.pathname}${session.endpoint.search}`;
    const head = requestText(`POST ${url} HTTP/1.1`, [
      ...fields(),
      "Content-Type: application/json",
      "Content-Length: 100",
    ]);
    connection.send(`${head}{"jsonrpc"`);
    // The other request comes after it, on a connection of its own: the first has arrived by then.
    expect((await session.request("ping")).result).toEqual({});
    connection.destroy();
    const line = await proxy.log.until(
      "the request",
      ({ route, status }) => route === "/:server/message" && status !== 202,
    );
    expect(line).toMatchObject({ level: "INFO", status: 499 });
    expect(proxy.log.lines.filter(({ level }) => level === "ERROR")).toEqual([]);
    session.close();
  });
});

describe("what is owed", () => {
  test.each(['a"b', "plain", "\\", "é\n"])("a request that was cancelled is not, whatever its id: %j", async (id) => {
    const session = await proxy.openSse("deaf");
    const request = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call" });
    const cancel = JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
    expect((await session.post(request)).status).toBe(202);
    expect((await session.post(request)).status).toBe(400);
    expect((await session.post(cancel)).status).toBe(202);
    // Its id is free again.
    expect((await session.post(request)).status).toBe(202);
    session.close();
  });

  test("C6: when start and request have the same time, a server that never answered ends its session", async () => {
    const session = await proxy.openSse("late");
    const { error } = await session.request("initialize");
    expect(error?.data).toMatchObject({ code: "start_timeout" });
    await within("the end of the stream", session.ended);
  });

  test("C5: one that has answered before keeps its session", async () => {
    const session = await proxy.openSse("deaf");
    expect((await session.request("initialize")).result).toBeDefined();
    expect((await session.request("tools/call")).error?.data).toMatchObject({ code: "child_timeout" });
    expect((await session.request("received")).result).toBeDefined();
    session.close();
  });
});
