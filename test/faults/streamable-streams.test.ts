import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Exchange } from "../support/streamable-exchange.ts";
import { answerTo, heard, hold, logMessage, receivedBy, say } from "../support/streamable-puppet.ts";
import { openStreamable } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: { puppet: fixture("puppet"), "asks back": fixture("asks-back") },
      timeouts: { heartbeat: "50ms" },
    },
  });
});
afterAll(() => proxy.stop());

const progress = (progressToken: string | number, count: number): object => ({
  method: "notifications/progress",
  params: { progressToken, progress: count },
});
const LIST_CHANGED = { method: "notifications/tools/list_changed" };
const updated = (uri: string): object => ({ method: "notifications/resources/updated", params: { uri } });
const question = (id: string | number): object => ({ id, method: "roots/list" });

/** What each stream has heard once the last of them has `what`: a round of pings later, everything that came before is there. */
async function settled(what: string, exchange: Exchange): Promise<void> {
  await exchange.message(what, ({ params }) => params?.["data"] === what);
}

describe("progress and answers", () => {
  test("of fifty concurrent calls go to their own streams: every report, the last one too, in order and before the answer", async () => {
    const session = await openStreamable(proxy, "puppet");
    const ids = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? index : String(index)));
    const calls = await Promise.all(ids.map(async (id) => [id, await hold(session, id)] as const));
    const rounds = [1, 2, 3, 4, 5, 6, 7, 8];
    await say(
      session,
      ...rounds.flatMap((round) => ids.toReversed().map((id) => progress(id, round))),
      // The last report and the answer are written in one piece.
      ...ids.flatMap((id) => [progress(id, 9), answerTo(id, `for ${JSON.stringify(id)}`)]),
    );
    for (const [id, exchange] of calls) {
      const answer = await exchange.answer();
      await within("the stream's end", exchange.ended);
      expect(answer).toEqual({ jsonrpc: "2.0", id, result: { text: `for ${JSON.stringify(id)}` } });
      expect(heard(exchange)).toEqual([...rounds, 9, `answer ${id}`]);
      const tokens = exchange.messages().flatMap(({ params }) => (params ? [params["progressToken"]] : []));
      expect(new Set(tokens)).toEqual(new Set([id]));
    }
    await session.end();
  });

  test("that come with a standalone stream open do not go there", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    const call = await hold(session, "a");
    await say(session, progress("a", 1), answerTo("a"), logMessage("afterwards"));
    await settled("afterwards", standalone);
    await within("the stream's end", call.ended);
    expect(heard(call)).toEqual([1, "answer a"]);
    expect(heard(standalone)).toEqual(["afterwards"]);
    standalone.cut();
    await session.end();
  });

  test("of a request that is quiet for long come on an event stream with comments meanwhile", async () => {
    const session = await openStreamable(proxy, "puppet");
    const call = await session.call("hold", {}, "quiet");
    expect([call.status, call.form]).toEqual([200, "stream"]);
    await eventually("comments", () => call.comments() >= 3);
    await say(session, answerTo("quiet"));
    expect((await call.answer()).result).toEqual({ text: "done" });
    await within("the stream's end", call.ended);
    await session.end();
  });

  test("a call that the client cancels gets no answer, its POST ends, and the child is told", async () => {
    const session = await openStreamable(proxy, "puppet");
    const call = await hold(session, "a");
    await session.notify("notifications/cancelled", { requestId: "a" });
    await within("the stream's end", call.ended);
    expect(heard(call)).toEqual([]);
    expect((await receivedBy(session)).at(-1)?.method).toBe("notifications/cancelled");
    // An answer that comes all the same is nobody's.
    const standalone = await session.listen();
    await say(session, answerTo("a"), logMessage("afterwards"));
    await settled("afterwards", standalone);
    expect(heard(standalone)).toEqual(["afterwards"]);
    standalone.cut();
    await session.end();
  });
});

describe("a message that names no request", () => {
  test("goes to the stream of the one request in flight, also beside a standalone stream", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    const call = await hold(session, "a");
    await say(session, logMessage("during"), question("q"), answerTo("a"), logMessage("after"));
    await settled("after", standalone);
    await within("the stream's end", call.ended);
    expect(heard(call)).toEqual(["during", "roots/list", "answer a"]);
    expect(heard(standalone)).toEqual(["after"]);
    standalone.cut();
    await session.end();
  });

  test("goes to the standalone stream while two are in flight, and to that alone", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    const calls = [await hold(session, "a"), await hold(session, "b")];
    await say(session, logMessage("one"), question("q"), LIST_CHANGED, answerTo("a"), answerTo("b"), logMessage("two"));
    await settled("two", standalone);
    for (const call of calls) await within("the stream's end", call.ended);
    expect(calls.map(heard)).toEqual([["answer a"], ["answer b"]]);
    expect(heard(standalone)).toEqual(["one", "roots/list", "notifications/tools/list_changed", "two"]);
    standalone.cut();
    await session.end();
  });

  test("goes to the oldest open stream while two are in flight and there is no standalone one", async () => {
    const session = await openStreamable(proxy, "puppet");
    const [first, second] = [await hold(session, "a"), await hold(session, "b")];
    await say(session, logMessage("one"), question("q"), answerTo("b"), answerTo("a"));
    await within("the streams' ends", Promise.all([first.ended, second.ended]));
    expect(heard(first)).toEqual(["one", "roots/list", "answer a"]);
    expect(heard(second)).toEqual(["answer b"]);
    await session.end();
  });

  test("waits for the standalone stream when there is no stream at all, and then comes once", async () => {
    const session = await openStreamable(proxy, "puppet");
    await say(session, LIST_CHANGED, updated("x:1"), logMessage("kept"), question("q"));
    // A request to wait for it by would have a stream of its own, which is just what must not be there.
    await proxy.log.until("the child's word that it was said", (line) =>
      JSON.stringify(line).includes("fixture: said"),
    );
    const first = await session.listen();
    await first.message("the question", ({ method }) => method === "roots/list");
    expect(heard(first)).toEqual([
      "notifications/tools/list_changed",
      "notifications/resources/updated",
      "kept",
      "roots/list",
    ]);
    const second = await session.listen();
    await say(session, logMessage("new"));
    await settled("new", second);
    expect(heard(second)).toEqual(["new"]);
    second.cut();
    await session.end();
  });

  test("with a progress token that is nobody's goes to one stream, and to none of a request's own", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    const calls = [await hold(session, "a"), await hold(session, "b")];
    await say(session, progress("stale", 7), answerTo("a"), answerTo("b"), logMessage("end"));
    await settled("end", standalone);
    for (const call of calls) await within("the stream's end", call.ended);
    expect([...calls, standalone].flatMap(heard).filter((entry) => entry === 7).length).toBeLessThanOrEqual(1);
    expect(calls.map(heard)).toEqual([["answer a"], ["answer b"]]);
    standalone.cut();
    await session.end();
  });

  test("C20: a request of the child under the id of the client's own request is another request", async () => {
    const session = await openStreamable(proxy, "asks back");
    const call = await session.call("tools/call", {}, 7);
    const asked = await call.message("the child's question", ({ method }) => method === "roots/list");
    expect(asked.id).toBe(7);
    const reply = '{"jsonrpc":"2.0","id":7,"result":{"roots":[]}}';
    expect((await session.post(reply)).status).toBe(202);
    expect((await call.answer()).result).toEqual({ heard: reply });
    expect(call.messages().length).toBe(2);
    await session.end();
  });
});

describe("S11: a second standalone stream", () => {
  test("takes over: the first is ended cleanly, and what comes afterwards goes to the second alone", async () => {
    const session = await openStreamable(proxy, "puppet");
    const first = await session.listen();
    await say(session, logMessage("before"));
    await settled("before", first);
    const second = await session.listen();
    await within("the first one's end", first.ended);
    await say(session, logMessage("after"));
    await settled("after", second);
    expect([heard(first), heard(second)]).toEqual([["before"], ["after"]]);
    second.cut();
    await session.end();
  });

  test("taken while messages pour in: each goes to exactly one of them, in order", async () => {
    const session = await openStreamable(proxy, "puppet");
    const streams = [await session.listen()];
    const numbers = Array.from({ length: 600 }, (_, number) => number);
    const saying = (async () => {
      for (let at = 0; at < numbers.length; at += 20) {
        await say(session, ...numbers.slice(at, at + 20).map((number) => logMessage(String(number))));
      }
    })();
    for (let round = 0; round < 10; round++) streams.push(await session.listen());
    await saying;
    const [last] = streams.slice(-1);
    await say(session, logMessage("end"));
    if (last !== undefined) await settled("end", last);
    for (const older of streams.slice(0, -1)) await within("the older one's end", older.ended);
    expect(streams.flatMap(heard)).toEqual([...numbers.map(String), "end"]);
    last?.cut();
    await session.end();
  });
});
