import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless } from "../support/stateless.ts";
import { openStreamable } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(60_000);

const NAMES = ["one", "two", "three", "four", "five", "six"];
const config = { mcpServers: Object.fromEntries(NAMES.map((name) => [name, fixture("echo")])) };
const DEFAULTS = { RATE_LIMIT_PER_MINUTE: undefined };
const NOTE = '{"jsonrpc":"2.0","method":"notifications/x"}';
const ANSWER = '{"jsonrpc":"2.0","id":"nobody asked","result":{}}';

/** Posts to an HTTP+SSE session; the status. */
const postTo = async (proxy: TestProxy, reference: string, body: string): Promise<number> => {
  const headers = { "Content-Type": "application/json" };
  return (await proxy.fetch(reference, { method: "POST", headers, body })).status;
};

describe("at the defaults", () => {
  test("one client opens six servers at once, with a stream and four lists each, then makes twenty calls in a row", async () => {
    await using proxy = await startProxy({ config, env: DEFAULTS });
    const sessions = await Promise.all(
      NAMES.map(async (name) => {
        const session = await openStreamable(proxy, name);
        const stream = await session.listen();
        expect(stream.status).toBe(200);
        const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];
        const answers = await Promise.all(lists.map((method) => session.call(method)));
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
        stream.cut();
        return session;
      }),
    );
    for (let call = 0; call < 20; call++) expect((await sessions[0]?.call("ping"))?.status).toBe(200);
    for (const session of sessions) expect(await session.end()).toBe(204);
  });

  test("a flood without the secret is limited, and keeps nobody out who has it", async () => {
    await using proxy = await startProxy({ config, env: DEFAULTS });
    const flood = await Promise.all(
      Array.from({ length: 40 }, () => fetch(`${proxy.url}/one/mcp`, { method: "POST" })),
    );
    const seen = flood.map(({ status }) => status);
    expect(seen.filter((status) => status === 401).length).toBeGreaterThanOrEqual(10);
    expect(seen).toContain(429);
    expect(new Set(seen)).toEqual(new Set([401, 429]));
    const refused = flood.find(({ status }) => status === 429);
    expect(await refused?.text()).toMatch(/retry after \d+ s/);
    expect((await proxy.fetch("/servers")).status).toBe(200);
  });
});

describe("a caller over the rate of messages", () => {
  const env = { RATE_LIMIT_MESSAGES_PER_MINUTE: "1", RATE_LIMIT_MESSAGES_BURST: "2" };

  test("is refused requests, but no answer, no notification and no end, on Streamable HTTP", async () => {
    await using proxy = await startProxy({ config, env });
    const session = await openStreamable(proxy, "one");
    expect((await session.call("ping")).status).toBe(200);
    expect((await session.call("ping")).status).toBe(429);
    for (const body of [NOTE, ANSWER, NOTE, ANSWER]) expect((await session.post(body)).status).toBe(202);
    expect((await session.call("ping")).status).toBe(429);
    expect(await session.end()).toBe(204);
  });

  test("is refused requests, but no answer and no notification, on HTTP+SSE", async () => {
    await using proxy = await startProxy({ config, env });
    const session = await proxy.openSse("one");
    const ping = (id: number) => postTo(proxy, session.reference, `{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
    expect([await ping(1), await ping(2), await ping(3)]).toEqual([202, 202, 429]);
    for (const body of [NOTE, ANSWER, NOTE, ANSWER]) expect(await postTo(proxy, session.reference, body)).toBe(202);
    expect(await ping(4)).toBe(429);
    session.close();
  });

  test("is refused stateless requests", async () => {
    await using proxy = await startProxy({ config, env });
    const statuses: number[] = [];
    for (let id = 1; id <= 3; id++)
      statuses.push((await callStateless(proxy, "one", { method: "tools/list", id })).status);
    expect(statuses.at(-1)).toBe(429);
  });
});

test("what starts processes is limited apart, over all transports", async () => {
  await using proxy = await startProxy({
    config,
    env: { RATE_LIMIT_STARTS_PER_MINUTE: "1", RATE_LIMIT_STARTS_BURST: "2" },
  });
  const sse = await proxy.openSse("one");
  const streamable = await openStreamable(proxy, "two");
  const refused = await proxy.fetch("/three/sse");
  expect(refused.status).toBe(429);
  expect(await refused.text()).toContain("rateLimit.startsPerMinute");
  await expect(openStreamable(proxy, "three")).rejects.toThrow("429");
  expect((await callStateless(proxy, "three", { method: "tools/list" })).status).toBe(429);
  // Sessions that are there go on.
  expect((await streamable.call("ping")).status).toBe(200);
  expect((await sse.request("ping")).result).toEqual({});
  sse.close();
  expect(await streamable.end()).toBe(204);
});

test("rateLimit.requestsPerMinute 0 switches all of them off", async () => {
  await using proxy = await startProxy({ config, env: { RATE_LIMIT_PER_MINUTE: "0" } });
  const answers = await Promise.all(Array.from({ length: 700 }, () => proxy.fetch("/servers")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});
