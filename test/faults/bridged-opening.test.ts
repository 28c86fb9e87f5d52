import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message, SseSession } from "../support/sse-session.ts";
import { initializeBody } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** `unmet`: a server of 2026-07-28 alone that each session is the first to meet. */
const KINDS = ["unmet", "modern", "shared legacy", "shared modern"] as const;
type Kind = (typeof KINDS)[number];
const UNMET = 8;

let proxy: TestProxy;
beforeAll(async () => {
  const shared = { isolation: "shared" };
  const unmet = Array.from({ length: UNMET }, (_, n) => [`unmet ${n}`, fixture("era-modern", [String(n)])] as const);
  proxy = await startProxy({
    config: {
      mcpServers: {
        ...Object.fromEntries(unmet),
        modern: fixture("era-modern"),
        "shared legacy": fixture("era-legacy", [], shared),
        "shared modern": fixture("era-modern", ["shared"], shared),
      },
      timeouts: { warm: 0 },
    },
  });
  const first = await proxy.openSse("modern");
  await first.post(initializeBody("2025-11-25"));
  await first.message("the bridge", ({ result }) => result !== undefined);
  first.close();
});
afterAll(() => proxy.stop());

let met = 0;
const open = (kind: Kind): Promise<SseSession> => proxy.openSse(kind === "unmet" ? `unmet ${met++}` : kind);
const answer = (id: string | number) => (message: Message) => message.id === id && message.method === undefined;
const request = (id: string | number, method: string, params: object = {}): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });
const echo = (id: number): string => request(id, "tools/call", { name: "echo", arguments: { message: String(id) } });
const READY = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

async function postAll(session: SseSession, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) expect((await session.post(body)).status).toBe(202);
}

describe.each(KINDS)("a session with a %s server", (kind) => {
  test("takes what comes before the answer to initialize, and answers in its order", async () => {
    const session = await open(kind);
    const ids = Array.from({ length: 200 }, (_, n) => n + 1);
    await postAll(session, [initializeBody("2025-11-25"), READY, ...ids.map(echo)]);
    await session.message("the last answer", answer(200));
    await eventually("all answers", () => session.messages().filter(({ id }) => id !== undefined).length === 201);
    const answered = session.messages().filter(({ id }) => id !== undefined);
    expect(answered.map(({ id }) => id)).toEqual(["initialize", ...ids]);
    expect(answered.filter(({ error }) => error !== undefined)).toEqual([]);
    session.close();
    await quiet(proxy);
  });

  test("answers requests before initialize with an error, and can be initialised afterwards", async () => {
    const session = await open(kind);
    await postAll(session, [READY, request("early", "ping"), request(1, "tools/list")]);
    expect((await session.message("the refusal", answer(1))).error).toBeDefined();
    await session.message("the answer to ping", answer("early"));
    await postAll(session, [initializeBody("2025-11-25")]);
    const { result } = await session.message("the answer to initialize", answer("initialize"));
    expect(result).toHaveProperty("serverInfo");
    await postAll(session, [READY, echo(2)]);
    expect((await session.message("the echo", answer(2))).result).toMatchObject({ content: [{ text: "2" }] });
    session.close();
    await quiet(proxy);
  });

  test("is initialised once", async () => {
    const session = await open(kind);
    await postAll(session, [
      initializeBody("2025-11-25", {}, "one"),
      initializeBody("2025-06-18", {}, "two"),
      READY,
      echo(1),
    ]);
    expect((await session.message("the first answer", answer("one"))).result).toHaveProperty("serverInfo");
    expect((await session.message("the second answer", answer("two"))).error).toBeDefined();
    expect((await session.message("the echo", answer(1))).result).toMatchObject({ content: [{ text: "1" }] });
    session.close();
    await quiet(proxy);
  });

  test("can be left while it is opened", async () => {
    const session = await open(kind);
    await postAll(session, [initializeBody("2025-11-25"), READY, echo(1)]);
    session.close();
    await quiet(proxy);
  });
});
