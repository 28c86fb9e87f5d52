import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { EventSource } from "eventsource";
import { within } from "../support/eventually.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { startRelay } from "../support/relay.ts";
import { fixture } from "../support/server-entry.ts";
import type { SseSession } from "../support/sse-session.ts";
import { initializeBody } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(30_000);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        puppet: fixture("puppet", [], { clientEnv: ["NAME"] }),
        other: fixture("puppet"),
        "shared puppet": fixture("puppet", [], { isolation: "shared" }),
        "not for long": fixture("puppet", [], { timeouts: { reconnect: "300ms" } }),
        "not at all": fixture("puppet", [], { timeouts: { reconnect: 0 } }),
      },
      timeouts: { reconnect: "60s", warm: 0 },
    },
  });
});
afterAll(() => proxy.stop());

const lastIdOf = ({ events }: SseSession): string => events.findLast(({ id }) => id !== undefined)?.id ?? "";

/** Opens a session that is initialised. */
async function open(server: string, headers: Readonly<Record<string, string>> = {}): Promise<SseSession> {
  const session = await proxy.openSse(server, headers);
  expect((await session.post(initializeBody("2024-11-05"))).status).toBe(202);
  await session.message("the answer to initialize", ({ id }) => id === "initialize");
  await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  return session;
}

const comeBack = (server: string, id: string, headers: Readonly<Record<string, string>> = {}): Promise<SseSession> =>
  proxy.openSse(server, { ...headers, "Last-Event-ID": id });

const sessionEnd = (server: string, reason: string) =>
  proxy.log.until(
    "the session's end",
    (line) => line["msg"] === "session ended" && line["server"] === server && line["reason"] === reason,
  );

describe("a client whose connection was cut", () => {
  test.each(["puppet", "shared puppet"])("comes back to its session of %s, with what it missed", async (server) => {
    const session = await open(server);
    const seen = lastIdOf(session);
    session.close();
    await session.ended;
    // It may post while it has no stream, and the answer waits for it.
    expect((await session.post('{"jsonrpc":"2.0","id":"away","method":"ping"}')).status).toBe(202);
    const back = await comeBack(server, seen);
    expect(back.reference).toBe(session.reference);
    await back.message("the answer that it missed", ({ id }) => id === "away");
    expect((await back.request("ping")).result).toEqual({});
    expect(back.messages().some(({ id }) => id === "initialize")).toBe(false);
    back.close();
  });

  test("comes back as often as it likes, to each event that it has seen", async () => {
    const session = await open("puppet");
    await session.request("ping");
    const ids = session.events.flatMap(({ id }) => id ?? []);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) {
      const back = await comeBack("puppet", id);
      expect(back.reference).toBe(session.reference);
      if (id === ids[0]) await back.message("the answer again", (said) => said.id === 1);
      back.close();
    }
  });

  test("takes over from its old connection, which may look alive", async () => {
    const session = await open("puppet");
    const back = await comeBack("puppet", lastIdOf(session));
    await within("the end of the old connection", session.ended);
    expect((await back.request("ping")).result).toEqual({});
    back.close();
  });

  test("does so by itself where it is an EventSource, and notices nothing", async () => {
    await using relay = await startRelay(proxy.port);
    const headers = { Authorization: `Bearer ${proxy.secret}` };
    const source = new EventSource(`http://127.0.0.1:${relay.port}/puppet/sse`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers } }),
    });
    try {
      const heard: string[] = [];
      const endpoints: string[] = [];
      let onHeard: () => void = () => undefined;
      const until = async (what: string, isDone: () => boolean) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        onHeard = () => isDone() && resolve();
        onHeard();
        await within(what, promise);
      };
      source.addEventListener("endpoint", ({ data }) => {
        endpoints.push(String(data));
        onHeard();
      });
      source.addEventListener("message", ({ data }) => {
        heard.push(String(data));
        onHeard();
      });
      await until("the endpoint", () => endpoints.length === 1);
      const post = (body: string) =>
        proxy.fetch(endpoints[0] ?? "", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      await post(initializeBody("2024-11-05"));
      await until("the answer to initialize", () => heard.length === 1);
      relay.cut();
      expect((await post('{"jsonrpc":"2.0","id":"away","method":"ping"}')).status).toBe(202);
      await until("the answer", () => heard.some((text) => text.includes('"away"')));
      expect(new Set(endpoints).size).toBe(1);
      expect(heard.length).toBe(2);
    } finally {
      source.close();
    }
  });

  test("is gone when it stays away for longer than timeouts.reconnect", async () => {
    const session = await open("not for long");
    session.close();
    await sessionEnd("not for long", "client-closed");
    expect((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status).toBe(404);
    const late = await comeBack("not for long", lastIdOf(session));
    expect(late.reference).not.toBe(session.reference);
    late.close();
  });

  test("before its server has answered anything has no session to come back to", async () => {
    const session = await proxy.openSse("other");
    session.close();
    await sessionEnd("other", "client-closed");
  });

  test("has no ids to come back with where timeouts.reconnect is 0", async () => {
    const session = await open("not at all");
    expect(session.events.every(({ id }) => id === undefined)).toBe(true);
    session.close();
    await sessionEnd("not at all", "client-closed");
  });
});

describe("the id of an event", () => {
  test("opens a session to its own caller alone; to anybody else it is as one that never was", async () => {
    const session = await open("puppet", { ENV_NAME: "one" });
    const id = lastIdOf(session);
    session.close();
    for (const [server, headers, lastId] of [
      ["other", {}, id],
      ["puppet", {}, id],
      ["puppet", { ENV_NAME: "two" }, id],
      ["puppet", { ENV_NAME: "one" }, id.replace(/-\d+$/, "-99")],
      ["puppet", { ENV_NAME: "one" }, `${"x".repeat(16)}-1`],
      ["puppet", { ENV_NAME: "one" }, "nonsense"],
    ] as const) {
      const foreign = await comeBack(server, lastId, headers);
      expect(foreign.reference).not.toBe(session.reference);
      foreign.close();
    }
    const back = await comeBack("puppet", id, { ENV_NAME: "one" });
    expect(back.reference).toBe(session.reference);
    back.close();
  });

  test("needs the secret, and says nothing of the session's id", async () => {
    const session = await open("puppet");
    const id = lastIdOf(session);
    const refused = await fetch(`${proxy.url}/puppet/sse`, { headers: { "Last-Event-ID": id } });
    expect(refused.status).toBe(401);
    const [handle = ""] = id.split(/-\d+$/);
    expect(session.sessionId).not.toContain(handle);
    expect(proxy.log.text()).not.toContain(handle);
    session.close();
  });
});

test("nothing is left behind", async () => {
  const own = await startProxy({
    config: { mcpServers: { puppet: fixture("puppet") }, timeouts: { reconnect: "60s" } },
  });
  try {
    const session = await own.openSse("puppet");
    await session.post(initializeBody("2024-11-05"));
    await session.message("the answer to initialize", ({ id }) => id === "initialize");
    session.close();
  } finally {
    // A shutdown ends sessions whose client is away, too.
    await own.stop();
  }
});
