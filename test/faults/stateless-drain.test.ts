import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessCall } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const tool = (name: string, args: object = {}, more: Partial<StatelessCall> = {}): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
  ...more,
});
const ask = tool("ask", { kind: "elicitation", message: "?" }, { capabilities: { elicitation: {} } });
const listen: StatelessCall = {
  method: "subscriptions/listen",
  params: { notifications: { toolsListChanged: true } },
  id: "listen",
};

const boot = (timeouts: object): Promise<TestProxy> =>
  startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era-legacy"),
        modern: fixture("era-modern"),
        starting: shell('echo "a process starts" >&2; exec sleep 60'),
        stuck: shell('echo "a process starts" >&2; trap "" TERM; while :; do sleep 1; done'),
      },
      limits: { concurrentStarts: 1 },
      timeouts: { gracefulStop: "500ms", shutdown: "3s", ...timeouts },
    },
  });

const said = (proxy: TestProxy, text: string): Promise<unknown> =>
  proxy.log.until(text, (line) => line["stderr"] === text);

describe("SIGTERM", () => {
  test("waits for calls in flight, ends subscriptions in good order, lets parked calls go, and leaves nothing", async () => {
    const proxy = await boot({});
    const calls = ["legacy", "modern"].map((server) =>
      callStateless(proxy, server, tool("slow", { ms: 900, tag: server })),
    );
    const streams = ["legacy", "modern"].map((server) => openStateless(proxy, server, listen));
    await Promise.all(streams.map((stream) => stream.next()));
    const parked = await callStateless(proxy, "legacy", ask);
    expect(parked.answer.result?.["resultType"]).toBe("input_required");
    await Promise.all([said(proxy, "started legacy"), said(proxy, "started modern")]);
    proxy.kill("SIGTERM");
    for (const stream of streams) {
      expect(await stream.next()).toEqual({
        jsonrpc: "2.0",
        id: "listen",
        result: { resultType: "complete", _meta: { "io.modelcontextprotocol/subscriptionId": "listen" } },
      });
      await stream.ended;
    }
    const late = await callStateless(proxy, "legacy", tool("echo"));
    expect(late.status).toBe(503);
    expect(late.answer.error?.data).toMatchObject({ code: "draining" });
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
    for (const { answer } of await Promise.all(calls)) expect(answer.result).toBeDefined();
    expect(await within("the exit", proxy.exited)).toBe(0);
    await proxy.stop();
  });

  test("does not wait longer than timeouts.shutdown for calls, which are answered all the same", async () => {
    const proxy = await boot({ shutdown: "1s" });
    const calls = ["legacy", "modern"].map((server) =>
      callStateless(proxy, server, tool("slow", { ms: 3_600_000, tag: server })),
    );
    await Promise.all([said(proxy, "started legacy"), said(proxy, "started modern")]);
    proxy.kill("SIGTERM");
    for (const { answer } of await Promise.all(calls))
      expect(answer.error?.data).toMatchObject({ code: "child_exited" });
    expect(await within("the exit", proxy.exited)).toBe(0);
    await proxy.stop();
  });

  test.each(["starting", "stuck"])(
    "while a child is starting (%s) answers those who wait for it, and ends it first",
    async (server) => {
      const proxy = await boot({ shutdown: "2s" });
      const waiting = Array.from({ length: 3 }, () => callStateless(proxy, server, tool("echo")));
      const queued = callStateless(proxy, "legacy", tool("echo"));
      await said(proxy, "a process starts");
      proxy.kill("SIGTERM");
      for (const { answer } of await Promise.all([...waiting, queued])) {
        expect(answer.error?.data).toMatchObject({ code: "draining" });
      }
      expect(await within("the exit", proxy.exited)).toBe(0);
      // Ended by the ladder: the guardian had nothing left to do.
      const stopped = await proxy.log.until("its last line", (line) => line["msg"] === "stopped");
      expect(Number(stopped["ms"])).toBeGreaterThan(server === "stuck" ? 300 : 0);
      await proxy.stop();
    },
  );

  test("with twenty parked calls is over as soon as their children are", async () => {
    const proxy = await boot({ shutdown: "10m" });
    const parked = await Promise.all(Array.from({ length: 20 }, () => callStateless(proxy, "legacy", ask)));
    expect(parked.every(({ answer }) => answer.result?.["resultType"] === "input_required")).toBe(true);
    proxy.kill("SIGTERM");
    expect(await within("the exit", proxy.exited)).toBe(0);
    await proxy.stop();
  });
});
