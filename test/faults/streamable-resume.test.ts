import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, requestText } from "../support/raw-http.ts";
import { startRelay } from "../support/relay.ts";
import { fixture } from "../support/server-entry.ts";
import { type Exchange, exchange } from "../support/streamable-exchange.ts";
import { answerTo, fill, heard, hold, logMessage, receivedBy, say } from "../support/streamable-puppet.ts";
import { openStreamable, type StreamableSession } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        puppet: fixture("puppet"),
        forgetful: fixture("puppet", [], { limits: { outboxBytes: "64KB" } }),
      },
    },
  });
});
afterAll(() => proxy.stop());

const progress = (progressToken: string, count: number): object => ({
  method: "notifications/progress",
  params: { progressToken, progress: count },
});

/** The id of the last event that came, which must be there. */
function lastId(exchange: Exchange): string {
  const id = exchange.lastEventId();
  if (id === undefined) throw new Error("no event had an id");
  return id;
}

/** Drops a stream's connection and waits until the proxy has seen it go: what comes next must not be sent into the void. */
async function drop(exchange: Exchange): Promise<void> {
  exchange.cut();
  await within("the end of the cut stream", exchange.ended);
}

const LIST_CHANGED = { method: "notifications/tools/list_changed" };

describe("a lost connection", () => {
  test("S14: in the middle of a call costs nothing: the request goes on, and its stream resumes with what was missed", async () => {
    const session = await openStreamable(proxy, "puppet");
    const call = await hold(session, "a");
    const seen = lastId(call);
    await drop(call);
    await say(session, progress("a", 1), progress("a", 2));
    const resumed = await session.listen(seen);
    expect([resumed.status, resumed.form]).toEqual([200, "stream"]);
    await resumed.message("the second report", ({ params }) => params?.["progress"] === 2);
    await say(session, progress("a", 3), answerTo("a"));
    expect((await resumed.answer()).result).toEqual({ text: "done" });
    await within("the stream's end", resumed.ended);
    expect(heard(resumed)).toEqual([1, 2, 3, "answer a"]);
    expect((await receivedBy(session)).some(({ method }) => method === "notifications/cancelled")).toBe(false);
    await session.end();
  });

  test("S14: before any message is resumed from the priming event: an id, empty data and a time to wait, first of all", async () => {
    const session = await openStreamable(proxy, "puppet");
    const call = await session.call("hold", {}, "a");
    await eventually("the first event", () => call.events.length > 0);
    const [first] = call.events;
    expect([first?.data.toString(), first?.id === undefined]).toEqual(["", false]);
    expect(call.retryMs()).toBeGreaterThan(0);
    await drop(call);
    await say(session, answerTo("a"));
    const resumed = await session.listen(first?.id);
    expect((await resumed.answer()).id).toBe("a");
    await within("the stream's end", resumed.ended);
    expect(resumed.messages().length).toBe(1);
    await session.end();
  });

  test("the standalone stream is primed, too", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    await eventually("the first event", () => standalone.events.length > 0);
    const [first] = standalone.events;
    expect(first?.data.length).toBe(0);
    await drop(standalone);
    await say(session, logMessage("missed"));
    const resumed = await session.listen(first?.id);
    await resumed.message("the log message", ({ params }) => params?.["data"] === "missed");
    expect(heard(resumed)).toEqual(["missed"]);
    resumed.cut();
    await session.end();
  });

  test.each(["2025-03-26", "2025-06-18"] as const)(
    "a client of %s gets no event without a message, which it would take for broken JSON, and resumes all the same",
    async (revision) => {
      const session = await openStreamable(proxy, "puppet", { revision });
      const call = await hold(session, "a");
      expect(call.events.every(({ data }) => data.length > 0)).toBe(true);
      const seen = lastId(call);
      await drop(call);
      await say(session, progress("a", 1), answerTo("a"));
      const resumed = await session.listen(seen);
      await within("the stream's end", resumed.ended);
      expect(heard(resumed)).toEqual([1, "answer a"]);
      expect((await receivedBy(session)).some(({ method }) => method === "notifications/cancelled")).toBe(false);
      await session.end();
    },
  );

  test("of one stream is made good with that stream's messages alone", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    const calls = [await hold(session, "a"), await hold(session, "b")] as const;
    await say(session, logMessage("general"));
    await standalone.message("the log message", ({ params }) => params?.["data"] === "general");
    const ids = [...calls, standalone].map(lastId);
    expect(new Set([...calls, standalone].flatMap(({ events }) => events.map(({ id }) => id))).size).toBe(
      [...calls, standalone].flatMap(({ events }) => events).length,
    );
    for (const exchange of [...calls, standalone]) await drop(exchange);
    await say(session, progress("b", 1), progress("a", 2), answerTo("b"), answerTo("a"), logMessage("later"));
    const [a, b, general] = await Promise.all(ids.map((id) => session.listen(id)));
    await within("the calls' ends", Promise.all([a?.ended, b?.ended]));
    await general?.message("the later one", ({ params }) => params?.["data"] === "later");
    expect([a, b, general].map((exchange) => exchange && heard(exchange))).toEqual([
      [2, "answer a"],
      [1, "answer b"],
      ["later"],
    ]);
    general?.cut();
    await session.end();
  });

  test("is made good from any event on, as often as the client asks", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    await say(session, ...[1, 2, 3, 4, 5].map((number) => logMessage(String(number))));
    await standalone.message("the last", ({ params }) => params?.["data"] === "5");
    const idOf = (text: string): string | undefined =>
      standalone.events.find(({ data }) => data.includes(`"data":"${text}"`))?.id;
    await drop(standalone);
    for (const [from, expected] of [
      ["2", ["3", "4", "5"]],
      ["4", ["5"]],
      ["1", ["2", "3", "4", "5"]],
    ] as const) {
      const resumed = await session.listen(idOf(from));
      await resumed.message("the last", ({ params }) => params?.["data"] === "5");
      expect(heard(resumed)).toEqual([...expected]);
      await drop(resumed);
    }
    await session.end();
  });

  test("that the proxy has not noticed does not matter: who comes back takes the stream over", async () => {
    await using relay = await startRelay(proxy.port);
    const session = await openStreamable(proxy, "puppet");
    const address = { url: `http://127.0.0.1:${relay.port}`, secret: proxy.secret };
    const body = JSON.stringify({ jsonrpc: "2.0", id: "a", method: "hold", params: { _meta: { progressToken: "a" } } });
    const frozen = await throughRelay(address.url, session, body);
    await frozen.message("the report", ({ method }) => method === "notifications/progress");
    relay.freeze();
    await say(session, progress("a", 1));
    const resumed = await session.listen(lastId(frozen));
    await say(session, progress("a", 2), answerTo("a"));
    await within("the stream's end", resumed.ended);
    expect(heard(resumed)).toEqual([1, 2, "answer a"]);
    expect(heard(frozen)).toEqual([]);
    frozen.cut();
    await session.end();
  });

  test("after the answer has come leaves nothing to resume: the client is told not to come back", async () => {
    // An event stream that ends without an answer would bring the official clients back every second, for ever.
    const session = await openStreamable(proxy, "puppet");
    const answered = await hold(session, "a");
    await say(session, answerTo("a"));
    await within("the stream's end", answered.ended);
    const cancelled = await hold(session, "b");
    await session.notify("notifications/cancelled", { requestId: "b" });
    await within("the stream's end", cancelled.ended);
    for (const exchange of [answered, cancelled]) {
      const { status, form } = await session.listen(lastId(exchange));
      expect([status, form]).toEqual([204, "empty"]);
    }
    expect((await session.request("ping")).result).toEqual({});
    await session.end();
  });
});

/** A request of the session that takes another way to the proxy. */
async function throughRelay(url: string, session: StreamableSession, body: string): Promise<Exchange> {
  const headers = {
    ...session.headers,
    Accept: "application/json, text/event-stream",
    "Content-Type": "application/json",
  };
  return exchange(`${url}${new URL(session.url).pathname}`, { method: "POST", headers, body });
}

describe("S12: a Last-Event-ID", () => {
  test("that is unknown, made up, or another session's gets 400 or 404 and nothing of anybody's", async () => {
    const [session, other] = [await openStreamable(proxy, "puppet"), await openStreamable(proxy, "puppet")];
    const theirs = await hold(other, "a");
    const general = await other.listen();
    await eventually("an event of the other's", () => general.lastEventId() !== undefined);
    const mine = await session.listen();
    await hold(session, "a");
    // The other's ids name streams and events that this session has, too.
    await say(session, ...[1, 2, 3].map(() => LIST_CHANGED), logMessage("mine"));
    await say(session, answerTo("a"), logMessage("mine"));
    await mine.message("the log message", ({ params }) => params?.["data"] === "mine");
    const id = lastId(mine);
    const beyond = id.replace(/\d+$/, (digits) => String(Number(digits) + 1));
    for (const made of [
      lastId(theirs),
      lastId(general),
      "unknown",
      "0",
      "-1",
      "../0",
      "__proto__",
      beyond,
      `${id}0`,
      `${id} `.repeat(2),
      `${id}, ${id}`,
      "x".repeat(10_240),
      id.repeat(400),
      "%0d%0aevent: message",
    ]) {
      const answer = await session.listen(made);
      expect([made.slice(0, 60), [400, 404].includes(answer.status)]).toEqual([made.slice(0, 60), true]);
      expect(JSON.stringify(answer.messages())).not.toContain("mine");
      expect(answer.messages()[0]?.error).toBeDefined();
    }
    // Nobody lost a stream over it.
    expect([mine.isEnded(), theirs.isEnded()]).toEqual([false, false]);
    await say(session, logMessage("still"));
    await mine.message("the next log message", ({ params }) => params?.["data"] === "still");
    await say(other, answerTo("a"));
    expect((await theirs.answer()).id).toBe("a");
    mine.cut();
    general.cut();
    await session.end();
    await other.end();
  });

  test("with a CR or LF in it never gets an event", async () => {
    const session = await openStreamable(proxy, "puppet");
    const standalone = await session.listen();
    await eventually("an id", () => standalone.lastEventId() !== undefined);
    for (const lineEnd of ["\r", "\n", "\r\n "]) {
      const connection = await connectRaw(proxy.port);
      const fields = Object.entries({ ...session.headers, Accept: "text/event-stream", Connection: "close" });
      connection.send(
        requestText(`GET ${new URL(session.url).pathname} HTTP/1.1`, [
          `Host: 127.0.0.1:${proxy.port}`,
          ...fields.map(([name, value]) => `${name}: ${value}`),
          `Last-Event-ID: ${lastId(standalone)}${lineEnd}data: x`,
        ]),
      );
      await within("the connection's end", connection.closed);
      expect(connection.received()).not.toContain("text/event-stream");
      connection.destroy();
    }
    standalone.cut();
    await session.end();
  });
});

describe("S13: what is no longer remembered", () => {
  test.each([
    ["too many messages", "puppet", 1_200, 10],
    ["too many bytes", "forgetful", 20, 8_000],
    ["one message that alone is too large", "forgetful", 1, 100_000],
  ])("%s: who comes back is told by 404, and never gets a stream with a hole", async (_, server, count, size) => {
    const session = await openStreamable(proxy, server);
    const standalone = await session.listen();
    await say(session, logMessage("seen"));
    await standalone.message("the log message", ({ params }) => params?.["data"] === "seen");
    const seen = lastId(standalone);
    await drop(standalone);
    await fill(session, count, size);
    // Whoever comes back before all of it was said gets that stream, and comes back again.
    const answer = await eventually("the end of memory", async () => {
      const resumed = await session.listen(seen);
      resumed.cut();
      return resumed.status === 200 ? undefined : resumed;
    });
    expect(answer.status).toBe(404);
    expect(answer.messages()[0]?.error?.data).toMatchObject({ code: "session_not_found" });
    await session.end();
  });

  test("does not keep out a client that comes for the first time: it gets what is left", async () => {
    const session = await openStreamable(proxy, "forgetful");
    await fill(session, 20, 50_000);
    await say(session, logMessage("last"));
    const standalone = await session.listen();
    expect(standalone.status).toBe(200);
    await standalone.message("the log message", ({ params }) => params?.["data"] === "last");
    standalone.cut();
    await session.end();
  });

  test("costs a session no more than its bound, and does not touch another session", async () => {
    const [session, other] = [await openStreamable(proxy, "forgetful"), await openStreamable(proxy, "forgetful")];
    const call = await hold(other, "a");
    const seen = lastId(call);
    await drop(call);
    await say(other, answerTo("a"));
    const standalone = await session.listen();
    await say(session, logMessage("seen"));
    await standalone.message("the log message", ({ params }) => params?.["data"] === "seen");
    const before = lastId(standalone);
    await drop(standalone);
    await fill(session, 20, 50_000);
    await eventually("the end of memory", async () => {
      const listening = await session.listen(before);
      listening.cut();
      return listening.status === 404;
    });
    const resumed = await other.listen(seen);
    expect((await resumed.answer()).id).toBe("a");
    await session.end();
    await other.end();
  });
});
