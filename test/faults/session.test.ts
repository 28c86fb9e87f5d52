import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const config = {
  mcpServers: {
    echo: fixture("echo"),
    other: fixture("echo"),
    brief: fixture("echo", [], { timeouts: { lifetime: "600ms" } }),
  },
};

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({ config });
});
afterAll(() => proxy.stop());

const post = (path: string, body = PING): Promise<Response> =>
  proxy.fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });

describe("session ids", () => {
  test("N1: an unknown one gets 404; a missing, empty or doubled one gets 400", async () => {
    const unknown = await post(`/echo/message?sessionId=${crypto.randomUUID()}`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({
      jsonrpc: "2.0",
      error: { code: -32001, data: { code: "session_not_found" } },
    });
    const session = await proxy.openSse("echo");
    const { sessionId: id } = session;
    for (const query of [
      "",
      "?",
      "?sessionId=",
      "?sessionid=1",
      `?sessionId=${id}&sessionId=${id}`,
      `?sessionId=x&sessionId=${id}`,
    ]) {
      expect([query, (await post(`/echo/message${query}`)).status]).toEqual([query, 400]);
    }
    session.close();
  });

  test("N1: an ended one gets 404", async () => {
    const session = await proxy.openSse("echo");
    session.close();
    await quiet(proxy);
    expect((await session.post(PING)).status).toBe(404);
  });

  test("N2: one of another server gets the same answer as an unknown one", async () => {
    const session = await proxy.openSse("echo");
    const foreign = await post(`/other/message?sessionId=${session.sessionId}`);
    const unknown = await post(`/other/message?sessionId=${crypto.randomUUID()}`);
    expect(foreign.status).toBe(404);
    expect(await foreign.text()).toBe(await unknown.text());
    expect((await session.request("ping")).result).toEqual({});
    session.close();
  });

  test("N4: one live session and no id gets 400: nothing is guessed", async () => {
    const session = await proxy.openSse("echo");
    const answer = await post("/echo/message");
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { data: { code: "session_id_missing" } } });
    expect(session.messages()).toEqual([]);
    session.close();
  });

  test("N6: a message that races the end gets 202 or 404, and starts nothing", async () => {
    for (let round = 0; round < 8; round++) {
      const session = await proxy.openSse("echo");
      const racing = Array.from({ length: 8 }, (_, index) =>
        session.post(`{"jsonrpc":"2.0","id":"${index}","method":"ping"}`).then((answer) => answer.status),
      );
      session.close();
      for (const status of await Promise.all(racing)) expect([202, 404]).toContain(status);
    }
    await quiet(proxy);
  });

  test("N7: a session ends at its lifetime, busy or not", async () => {
    const session = await proxy.openSse("brief");
    await session.request("ping");
    await session.ended;
    expect((await session.post(PING)).status).toBe(404);
    await quiet(proxy);
  });

  test("N8: ids of an earlier run get 404", async () => {
    const earlier = await startProxy({ config });
    const session = await earlier.openSse("echo");
    await earlier.stop();
    expect((await post(session.reference)).status).toBe(404);
  });

  test("N9: ids that callers make up leave nothing behind", async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, () =>
        post(`/echo/message?sessionId=${crypto.randomUUID()}`).then(({ status }) => status),
      ),
    );
    expect(new Set(answers)).toEqual(new Set([404]));
    await eventually("no session to be left", async () => {
      const { servers } = (await (await proxy.fetch("/servers")).json()) as {
        servers: { name: string; sessions: number }[];
      };
      return servers.find(({ name }) => name === "echo")?.sessions === 0;
    });
  });

  test("ids cannot be guessed: they share nothing but their form", async () => {
    const sessions = await Promise.all([proxy.openSse("echo"), proxy.openSse("echo"), proxy.openSse("echo")]);
    const ids = sessions.map(({ sessionId }) => sessionId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id.length).toBeGreaterThanOrEqual(22);
    for (const session of sessions) session.close();
  });
});
