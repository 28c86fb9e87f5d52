import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { eventually, within } from "../support/eventually.ts";
import { type LegacySession, openLegacy } from "../support/legacy-session.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";
import { callStateless } from "../support/stateless.ts";
import { ACCEPT_BOTH, initializeBody } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(60_000);

const REASON = "Error: CONFIDANT_KEY is required, refuse";

let proxy: TestProxy;
beforeAll(async () => {
  const shared = Object.fromEntries(TRANSPORTS.map((transport) => [transport, entry({ isolation: "shared" })]));
  const own = Object.fromEntries(TRANSPORTS.map((transport) => [`own ${transport}`, entry({})]));
  proxy = await startProxy({
    env: { LOG_LEVEL: "INFO" },
    config: {
      mcpServers: {
        ...shared,
        ...own,
        stateless: entry({}),
        refuses: fixture("confides", [`Loading\n${REASON}\n    at main (x.js:1:1)`]),
        hangs: shell("echo 'Error: EACCES: permission denied, mkdir /cache' >&2; sleep 600", {
          timeouts: { start: "1s", gracefulStop: "100ms" },
        }),
      },
    },
  });
});
afterAll(() => proxy.stop());

const opened: LegacySession[] = [];
afterEach(async () => {
  for (const session of opened.splice(0)) await session.close();
});

function entry(policy: object) {
  return fixture("confides", [], { clientEnv: ["TOKEN"], ...policy });
}

const stateless = (name: string, message: string, token?: string) =>
  callStateless(proxy, "stateless", {
    method: "tools/call",
    params: { name, arguments: { message } },
    ...(token === undefined ? {} : { headers: { ENV_TOKEN: token } }),
  });

describe("what a server wrote to stderr for one client", () => {
  test("is not told to the next one whose stateless request sees the process die", async () => {
    await stateless("note", "about client A");
    const { answer } = await stateless("crash", "about client B");
    expect(answer.error?.data).toMatchObject({ code: "child_exited", exitCode: 3 });
    expect(JSON.stringify(answer)).not.toContain("client A");
  });

  test("is told to nobody while several are at work", async () => {
    const held = stateless("hold", "about client C");
    await stateless("note", "about client D");
    const { answer } = await stateless("crash", "about client E");
    for (const { error } of [answer, (await held).answer]) {
      expect(error?.data).toMatchObject({ code: "child_exited" });
      expect(JSON.stringify(error)).not.toContain("client");
    }
  });

  test.each(TRANSPORTS)("is not told over %s to another session on the same process", async (transport) => {
    const first = await openLegacy(proxy, transport, transport);
    opened.push(first);
    const second = await openLegacy(proxy, transport, transport);
    opened.push(second);
    await first.request("tools/call", { name: "note", arguments: { message: "about session A" } });
    const { error } = await second.request("tools/call", { name: "crash", arguments: { message: "about session B" } });
    expect(error?.data).toMatchObject({ code: "child_exited", exitCode: 3 });
    expect(JSON.stringify(error)).not.toContain("session A");
  });
});

test.each([...TRANSPORTS, "stateless"])(
  "nothing of a call over %s reaches the log at INFO by way of stderr",
  async (how) => {
    const token = "CANARY/t0ken+=&";
    const spellings = [
      encodeURIComponent(token),
      Buffer.from(token).toString("base64"),
      `${token.slice(0, 6)}\n${token.slice(6)}`,
    ];
    const message = `argument-${how} ${spellings.join(" ")}`;
    const params = { name: "crash", arguments: { message } };
    let told: unknown;
    if (how === "stateless") told = (await stateless("crash", message, token)).answer;
    else {
      const transport = TRANSPORTS.find((name) => name === how) ?? "HTTP+SSE";
      const session = await openLegacy(proxy, transport, `own ${how}`, { headers: { ENV_TOKEN: token } });
      opened.push(session);
      told = await session.request("tools/call", params);
    }
    expect(told).toMatchObject({ error: { data: { code: "child_exited", exitCode: 3 } } });
    await proxy.log.until(
      "the end of the child",
      ({ level, how: end }) => level === "WARN" && String(end).includes("exit code 3"),
    );
    const seen = `${JSON.stringify(told)}\n${proxy.log.text()}`;
    for (const spelling of [token, ...spellings.slice(0, 2)]) expect(seen).not.toContain(spelling);
    expect(proxy.log.text()).not.toContain("argument-");
  },
);

/** What a client hears of a server that does not start. */
const HEARD: Readonly<Record<string, (server: string) => Promise<unknown>>> = {
  "HTTP+SSE": async (server) => {
    const session = await proxy.openSse(server);
    await session.post(initializeBody("2025-06-18", {}, 1)).catch(() => undefined);
    await within("the end of the stream", session.ended);
    return session.events.map(({ data }) => data.toString());
  },
  "Streamable HTTP": async (server) => {
    const answer = await proxy.fetch(`/${server}/mcp`, {
      method: "POST",
      headers: { Accept: ACCEPT_BOTH, "Content-Type": "application/json" },
      body: initializeBody("2025-06-18", {}, 1),
    });
    return answer.text();
  },
  stateless: async (server) => (await callStateless(proxy, server, { method: "tools/list" })).answer,
};

test.each(Object.entries(HEARD))("a server that does not start says why over %s, and in the log", async (_, hear) => {
  const from = proxy.log.lines.length;
  const heard = JSON.stringify(await hear("refuses"));
  expect(heard).toContain(REASON);
  expect(heard).toContain("Loading");
  await eventually("the line in the log", () =>
    proxy.log.lines
      .slice(from)
      .some(({ level, server, how }) => level === "WARN" && server === "refuses" && String(how).includes(REASON)),
  );
  expect(proxy.log.text()).not.toContain("x.js:1:1");
});

test.each(Object.entries(HEARD))(
  "one that gives no first answer in time tells over %s what it said",
  async (_, hear) => {
    const heard = JSON.stringify(await hear("hangs"));
    expect(heard).toContain("start_timeout");
    expect(heard).toContain("EACCES: permission denied, mkdir /cache");
  },
);
