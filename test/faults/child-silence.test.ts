import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        "never reads": fixture("never-reads", [], {
          limits: { outboxBytes: "256KB" },
          timeouts: { start: "2s", request: "1m" },
        }),
        "never answers": fixture("never-answers"),
        "answers late": fixture("answers-late"),
        "says nothing": fixture("never-answers", ["nothing"], { timeouts: { start: "600ms" } }),
        "slow start": fixture("slow-start", ["900"], { timeouts: { start: "10s", request: "10s" } }),
        progress: fixture("progress", ["1000", "6"], { timeouts: { request: "4s" } }),
        "no progress": fixture("progress", ["1500", "1"]),
      },
      // What has answered when its client has left is kept for nobody.
      timeouts: { request: "500ms", heartbeat: "50ms", gracefulStop: "500ms", warm: 0 },
    },
  });
});
afterAll(() => proxy.stop());

describe("a child that is silent", () => {
  test("C4: one that never reads costs the bound and no more: then 503, and the end at the start deadline", async () => {
    const session = await proxy.openSse("never reads");
    const body = (id: number): string =>
      JSON.stringify({ jsonrpc: "2.0", id, method: "x", params: { fill: "x".repeat(60_000) } });
    const seen: Response[] = [];
    for (let id = 1; id <= 40 && seen.at(-1)?.status !== 503; id++) seen.push(await session.post(body(id)));
    expect(seen.at(-1)?.status).toBe(503);
    expect(await seen.at(-1)?.json()).toMatchObject({ error: { data: { code: "child_busy" } } });
    expect(Number(seen.at(-1)?.headers.get("retry-after"))).toBeGreaterThan(0);
    const accepted = seen.filter(({ status }) => status === 202).length;
    await session.ended;
    expect(session.messages().filter(({ error }) => error?.data?.["code"] === "start_timeout").length).toBe(accepted);
    await quiet(proxy);
  });

  test("C5: a request that is not answered in time gets an error, and the child is told", async () => {
    const session = await proxy.openSse("never answers");
    await session.request("initialize");
    const answer = await session.request("tools/call", { name: "x" });
    expect(answer.error?.code).toBe(-32001);
    expect(answer.error?.data).toMatchObject({ code: "child_timeout" });
    const { result } = await session.request("received");
    expect(result?.["received"]).toContainEqual(
      expect.objectContaining({ method: "notifications/cancelled", params: expect.objectContaining({ requestId: 2 }) }),
    );
    session.close();
  });

  test("C5: an answer that comes too late is dropped", async () => {
    const session = await proxy.openSse("answers late");
    expect((await session.request("ping")).error?.data).toMatchObject({ code: "child_timeout" });
    const second = await session.begin("ping");
    const third = await session.begin("ping");
    await session.message("the second answer", ({ id }) => id === second);
    expect(session.messages().filter(({ id }) => id === 1).length).toBe(1);
    expect(third).toBe(3);
    session.close();
  });

  test("C5: progress restarts the time of its request", async () => {
    const session = await proxy.openSse("progress");
    const { result } = await session.request("tools/call", { name: "x", _meta: { progressToken: "p" } });
    expect(result).toBeDefined();
    const reports = session.messages().filter(({ method }) => method === "notifications/progress");
    expect(reports.map(({ params }) => params?.["progress"])).toEqual([1, 2, 3, 4, 5, 6]);
    session.close();
  });

  test("C5: without progress it does not", async () => {
    const session = await proxy.openSse("no progress");
    expect((await session.request("tools/call", { _meta: { progressToken: "p" } })).error?.data).toMatchObject({
      code: "child_timeout",
    });
    session.close();
  });

  test("C6: a first answer that does not come ends the session at the start deadline, with comments meanwhile", async () => {
    const session = await proxy.openSse("says nothing");
    const { error } = await session.request("initialize");
    expect(error?.code).toBe(-32001);
    expect(session.comments()).toBeGreaterThan(2);
    await session.ended;
    await quiet(proxy);
  });

  test("C6: one that is slow to start has the start deadline", async () => {
    const session = await proxy.openSse("slow start");
    expect((await session.request("initialize")).result).toBeDefined();
    session.close();
  });
});
