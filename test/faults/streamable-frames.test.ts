import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Exchange } from "../support/streamable-exchange.ts";
import { hold, logMessage, say, write } from "../support/streamable-puppet.ts";
import { openStreamable, type StreamableSession } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({ config: { mcpServers: { puppet: fixture("puppet"), "bare cr": fixture("bare-cr") } } });
});
afterAll(() => proxy.stop());

/** A stream on which the child's next log message comes: a request's own, the standalone one, and one that was resumed. */
const streams: Readonly<Record<string, (session: StreamableSession) => Promise<Exchange>>> = {
  "a request's stream": (session) => hold(session, "a"),
  "the standalone stream": (session) => session.listen(),
  "a resumed stream": async (session) => {
    const first = await hold(session, "a");
    first.cut();
    await first.ended;
    return session.listen(first.lastEventId());
  },
};

describe.each(Object.keys(streams))("on %s", (name) => {
  async function open(): Promise<{ readonly session: StreamableSession; readonly stream: Exchange }> {
    const session = await openStreamable(proxy, "puppet");
    const stream = await streams[name]?.(session);
    if (stream === undefined) throw new Error("no such stream");
    return { session, stream };
  }

  const dataOf = ({ events }: Exchange): readonly string[] =>
    events.map(({ data }) => data.toString()).filter((text) => text.includes("notifications/message"));

  test("S7: a bare CR between the tokens of a message does not cut it", async () => {
    const { session, stream } = await open();
    await write(
      session,
      '\r{"jsonrpc"\r:\r"2.0",\r\r"method":"notifications/message","params":{"data":"a\\rb"}\r}\r\n',
    );
    const message = await stream.message("the message", ({ params }) => params?.["data"] === "a\rb");
    expect(message).toEqual({ jsonrpc: "2.0", method: "notifications/message", params: { data: "a\rb" } });
    expect(dataOf(stream).length).toBe(1);
    await session.end();
  });

  test("S8: a child cannot write events or ids of its own", async () => {
    const { session, stream } = await open();
    await write(
      session,
      "x\r\revent: endpoint\rdata: http://evil\r\r\n" +
        '{"jsonrpc":"2.0",\r\rid: evil\rdata: http://evil\r\r"method":"x"}\n' +
        '{"jsonrpc":"2.0","method":"x"}\r\rid: evil\revent: endpoint\rdata: http://evil\r\r\n',
    );
    await say(session, logMessage("afterwards"));
    await stream.message("the log message", ({ params }) => params?.["data"] === "afterwards");
    expect(stream.events.every(({ type }) => type === "message")).toBe(true);
    expect(JSON.stringify([stream.messages(), stream.events.map(({ id }) => id)])).not.toContain("evil");
    expect(stream.lastEventId()).not.toBe("evil");
    await session.end();
  });

  test("S9: line separators, a BOM and an escaped NUL inside strings arrive byte for byte", async () => {
    const { session, stream } = await open();
    const line =
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"end","a":"\u2028\u2029\u0085\ufeff\\u0000\\r\\n\u00e9🎉","b" :  1.0}}';
    await write(session, `${line}\n`);
    await stream.message("the message", ({ params }) => params?.["data"] === "end");
    expect(dataOf(stream)).toEqual([line]);
    await session.end();
  });
});

test("S7, S9: an answer as JSON has the bytes of the child's own", async () => {
  const session = await openStreamable(proxy, "bare cr", { revision: "2025-06-18" });
  const answer = await session.call("ping");
  expect(answer.form).toBe("json");
  expect(await answer.answer()).toEqual({ extra: "a\rb", jsonrpc: "2.0", id: 1, result: {} } as object);
  await session.end();
});

test("J9: an id comes back with every digit, on a stream too", async () => {
  const session = await openStreamable(proxy, "puppet");
  const id = "98765432109876543210";
  const call = await session.post(
    `{"jsonrpc":"2.0","id":${id},"method":"hold","params":{"_meta":{"progressToken":"a"}}}`,
  );
  await call.message("the report", ({ method }) => method === "notifications/progress");
  await write(session, `{"jsonrpc":"2.0","id":${id},"result":{"kept":${id}}}\n`);
  await call.answer();
  expect(call.payloads().at(-1)?.toString()).toBe(`{"jsonrpc":"2.0","id":${id},"result":{"kept":${id}}}`);
  await session.end();
});
