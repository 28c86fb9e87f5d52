import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { MAX_IN_FLIGHT } from "../../src/session/from-client.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { answerTo, hold, receivedBy, say } from "../support/streamable-puppet.ts";
import { openStreamable, type StreamableSession } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(30_000);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: { mcpServers: { puppet: fixture("puppet") } },
  });
});
afterAll(() => proxy.stop());

/** The ids of the requests that are held, as the child has them. */
const heldIds = async (session: StreamableSession): Promise<readonly (string | number)[]> =>
  (await receivedBy(session)).flatMap(({ method, id }) => (method === "hold" && id != null ? [id] : []));

describe("requests of a Streamable HTTP session under equal ids", () => {
  test.each<[string | number, string | number]>([
    [1, 1],
    ["a", "a"],
    [1, "1"],
    ["2", 2],
  ])("each get their own answer under their own id: %j and %j", async (first, second) => {
    const session = await openStreamable(proxy, "puppet");
    const one = await hold(session, first);
    const other = await hold(session, second);
    const ids = await heldIds(session);
    // The first passes as it came; the second is told apart from it, and is of the same type.
    expect(ids[0]).toBe(first);
    expect(String(ids[1])).not.toBe(String(first));
    expect(typeof ids[1]).toBe(typeof second);
    await say(session, answerTo(ids[1] ?? "", "for the second"), answerTo(ids[0] ?? "", "for the first"));
    expect(await other.answer()).toEqual({ jsonrpc: "2.0", id: second, result: { text: "for the second" } });
    expect(await one.answer()).toEqual({ jsonrpc: "2.0", id: first, result: { text: "for the first" } });
    await session.end();
  });

  test("hear of their own progress under their own tokens", async () => {
    const session = await openStreamable(proxy, "puppet");
    const one = await hold(session, 1);
    const other = await hold(session, 1);
    const [, renamed] = await heldIds(session);
    const tokens = (await receivedBy(session))
      .filter(({ method }) => method === "hold")
      .map(({ params }) => (params?.["_meta"] as { readonly progressToken: number } | undefined)?.progressToken);
    expect(new Set(tokens).size).toBe(2);
    for (const [index, progressToken] of tokens.entries())
      await say(session, { method: "notifications/progress", params: { progressToken, progress: 10 + index } });
    await say(session, answerTo(1), answerTo(renamed ?? ""));
    for (const [index, exchange] of [one, other].entries()) {
      await exchange.answer();
      const reports = exchange.messages().flatMap(({ params }) => (params?.["progress"] === undefined ? [] : [params]));
      expect(reports).toEqual([
        { progressToken: 1, progress: 0 },
        { progressToken: 1, progress: 10 + index },
      ]);
    }
    await session.end();
  });

  test("are cancelled one at a time, the last one first, and the child is told of the one that it knows", async () => {
    const session = await openStreamable(proxy, "puppet");
    const one = await hold(session, 1);
    const other = await hold(session, 1);
    const [first, second] = await heldIds(session);
    await session.notify("notifications/cancelled", { requestId: 1 });
    await other.ended;
    expect(one.isEnded()).toBe(false);
    await session.notify("notifications/cancelled", { requestId: 1 });
    await one.ended;
    const cancelled = (await receivedBy(session)).filter(({ method }) => method === "notifications/cancelled");
    expect(cancelled.map(({ params }) => params?.["requestId"])).toEqual([second, first]);
    await session.end();
  });

  test("do not get the late answer to a request that was given up before them", async () => {
    const session = await openStreamable(proxy, "puppet");
    const given = await hold(session, 7);
    await session.notify("notifications/cancelled", { requestId: 7 });
    await given.ended;
    const again = await hold(session, 7);
    const ids = await heldIds(session);
    await say(session, answerTo(7, "late"), answerTo(ids[1] ?? "", "in time"));
    expect((await again.answer()).result).toEqual({ text: "in time" });
    await session.end();
  });

  test("after their client has dropped the connection of the first: its id can be used again at once", async () => {
    const session = await openStreamable(proxy, "puppet");
    const dropped = await hold(session, 1);
    dropped.cut();
    await dropped.ended;
    const again = await session.call("ping", undefined, 1);
    expect(await again.answer()).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    await session.end();
  });

  test("live side by side in a batch, too", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    const request = (id: string | number) => ({ jsonrpc: "2.0", id, method: "hold" });
    const batch = await session.post(JSON.stringify([request(1), request(1), request("1")]));
    const ids = await heldIds(session);
    expect(new Set(ids.map(String)).size).toBe(3);
    await say(session, ...ids.map((id, index) => answerTo(id, `${index}`)));
    await batch.ended;
    expect(batch.messages()).toEqual([
      { jsonrpc: "2.0", id: 1, result: { text: "0" } },
      { jsonrpc: "2.0", id: 1, result: { text: "1" } },
      { jsonrpc: "2.0", id: "1", result: { text: "2" } },
    ]);
    await session.end();
  });
});

describe("requests of an HTTP+SSE session, where all answers share a stream", () => {
  test("under an id that is in flight are refused, and no answer under that id says so", async () => {
    const session = await proxy.openSse("puppet");
    const held = '{"jsonrpc":"2.0","id":1,"method":"hold"}';
    expect((await session.post(held)).status).toBe(202);
    const refused = await session.post(held);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ id: 1, error: { data: { code: "invalid_request" } } });
    expect((await session.post('{"jsonrpc":"2.0","id":"last","method":"ping"}')).status).toBe(202);
    await session.message("the last answer", ({ id }) => id === "last");
    expect(session.messages().some(({ id }) => id === 1)).toBe(false);
    session.close();
  });

  test("that differ in being text or number alone are told apart, and come back as they were", async () => {
    const session = await proxy.openSse("puppet");
    for (const id of ["1", '"1"']) await session.post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
    for (const id of [1, "1"]) await session.message(`the answer to ${JSON.stringify(id)}`, (said) => said.id === id);
    session.close();
  });

  test("that are refused for another reason are told so on the stream, under their id", async () => {
    const session = await proxy.openSse("puppet");
    for (let id = 0; id < MAX_IN_FLIGHT; id++) {
      expect((await session.post(`{"jsonrpc":"2.0","id":${id},"method":"hold"}`)).status).toBe(202);
    }
    const refused = session.message("the refusal", ({ id, error }) => id === "mine" && error !== undefined);
    expect((await session.post('{"jsonrpc":"2.0","id":"mine","method":"hold"}')).status).toBe(429);
    expect((await refused).error?.data).toMatchObject({ code: "too_many_in_flight" });
    session.close();
  });
});
