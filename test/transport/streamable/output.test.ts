import { afterEach, describe, expect, test } from "bun:test";
import type { OutgoingMessage } from "../../../src/session/output.ts";
import { BOTH_TYPES, JSON_ALONE } from "../../../src/transport/answer-types.ts";
import type { ClientStream } from "../../../src/transport/client-stream.ts";
import { createHistoryBudget } from "../../../src/transport/history.ts";
import { createStreamableOutput, type StreamableOutput } from "../../../src/transport/streamable/output.ts";
import { eventually, within } from "../../support/eventually.ts";
import { connectRaw, type RawConnection, requestText } from "../../support/raw-http.ts";

const MUCH = 24 * 1_048_576;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function createOutput({ heartbeatMs = 0, stalledWriteMs = 0, historyBytes = 0 } = {}): StreamableOutput {
  return createStreamableOutput({ budget: createHistoryBudget(0), heartbeatMs, stalledWriteMs, historyBytes });
}

const answer = (id: string, text = ""): OutgoingMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, result: { text } })),
  message: { kind: "response", id },
  about: id,
});
const notification = (method: string, about?: string): OutgoingMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", method })),
  message: { kind: "notification", method },
  about,
});
const question = (id: string): OutgoingMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method: "roots/list" })),
  message: { kind: "request", id, rawId: id, method: "roots/list" },
  about: undefined,
});

/** Serves one stream to a client that has read its beginning. */
async function serve(stream: ClientStream): Promise<RawConnection> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    development: false,
    fetch: () => new Response(stream.body, { headers: { connection: "close" } }),
  });
  const client = await connectRaw(server.port ?? 0);
  closers.push(() => {
    stream.cut();
    client.destroy();
    return server.stop(true);
  });
  client.send(requestText("GET / HTTP/1.1", ["Host: x"]));
  await client.until("the beginning", (received) => received.includes(": stream open"));
  return client;
}

function standalone(output: StreamableOutput): ClientStream {
  const stream = output.resume(undefined);
  if (typeof stream !== "object") throw new Error(`no stream: ${stream}`);
  return stream;
}

describe("the answer to a POST", () => {
  test("that comes first is its whole body", async () => {
    const output = createOutput();
    const reply = output.expect(["1"], BOTH_TYPES);
    expect(output.deliver([answer("1")])).toBeUndefined();
    expect(await reply).toEqual({ kind: "json", body: answer("1").line, from: "child" });
    expect(output.isOpen()).toBe(false);
  });

  test("that is late comes on an event stream, from when its patience is over", async () => {
    const output = createOutput();
    const reply = output.expect(["1"], BOTH_TYPES);
    const due = output.nextCheck();
    output.check(due);
    const { kind } = await reply;
    expect(kind).toBe("stream");
  });

  test("that comes after its own progress comes behind it; what is another's goes elsewhere", async () => {
    const output = createOutput();
    const first = output.expect(["1"], BOTH_TYPES);
    const second = output.expect(["2"], BOTH_TYPES);
    output.deliver([notification("notifications/progress", "1"), answer("2"), answer("1")]);
    expect((await second).kind).toBe("json");
    const reply = await first;
    if (reply.kind !== "stream") throw new Error("no stream");
    const client = await serve(reply.stream);
    await within("the end", client.closed);
    expect(client.received().match(/notifications\/progress|"result"/g)).toEqual([
      "notifications/progress",
      '"result"',
    ]);
  });

  test("that is waited for alone is not joined by anything, and not turned into a stream", async () => {
    const output = createOutput();
    const reply = output.expect(["1"], JSON_ALONE);
    output.deliver([question("q"), notification("notifications/message")]);
    output.check(performance.now() + 60_000);
    output.deliver([answer("1")]);
    expect((await reply).kind).toBe("json");
  });
});

describe("the answer to a POST of a client that takes no stream", () => {
  test("is waited for, and what else there is waits for a stream", async () => {
    const output = createOutput();
    const reply = output.expect(["1"], JSON_ALONE);
    output.deliver([notification("notifications/progress", "1")]);
    output.check(performance.now() + 60_000);
    output.deliver([answer("1")]);
    expect(await reply).toEqual({ kind: "json", body: answer("1").line, from: "child" });
    const client = await serve(standalone(output));
    await client.until("the progress", (received) => received.includes("notifications/progress"));
  });

  test("is an array for a batch, of those that there are", async () => {
    const output = createOutput();
    const reply = output.expect(["1", "2", "3"], JSON_ALONE);
    output.deliver([answer("3")]);
    output.abandon("2");
    output.answer("1", '{"jsonrpc":"2.0","id":1,"error":{}}');
    const found = await reply;
    if (found.kind !== "json") throw new Error(`no JSON: ${found.kind}`);
    expect(JSON.parse(found.body.toString())).toEqual([
      JSON.parse(answer("3").line.toString()),
      { jsonrpc: "2.0", id: 1, error: {} },
    ]);
  });

  test("is none when it takes its request back", async () => {
    const output = createOutput();
    const reply = output.expect(["1"], JSON_ALONE);
    output.abandon("1");
    expect(await reply).toEqual({ kind: "none" });
  });
});

describe("a message that names no request", () => {
  test("waits for a client that may yet open its stream", async () => {
    const output = createOutput();
    output.deliver([notification("notifications/tools/list_changed")]);
    const client = await serve(standalone(output));
    await client.until("the notification", (received) => received.includes("list_changed"));
  });

  test("that the child's work needs goes to the only request there is", async () => {
    const output = createOutput();
    const reply = output.expect(["1"], BOTH_TYPES);
    output.deliver([question('"q"')]);
    const { kind } = await reply;
    expect(kind).toBe("stream");
  });
});

describe("a client that takes nothing", () => {
  /** A client on the standalone stream that has stopped to read. */
  const stall = async (output: StreamableOutput) => {
    const stream = standalone(output);
    const client = await serve(stream);
    client.pause();
    void output.deliver([
      { ...notification("notifications/x"), line: Buffer.from(JSON.stringify({ x: "x".repeat(MUCH) })) },
    ]);
    await eventually("the stall", () => stream.stalledSince() !== undefined);
    return stream;
  };

  test("makes nobody look all the time, whatever is switched off, and no heartbeats pile up for it", async () => {
    for (const stalledWriteMs of [0, 60_000]) {
      const output = createOutput({ heartbeatMs: 20, stalledWriteMs, historyBytes: 1 });
      const stream = await stall(output);
      const lastWriteAt = stream.lastWriteAt();
      // So late that the next heartbeat would be long overdue.
      for (const later of [1_000, 2_000, 3_000]) {
        expect(output.check(performance.now() + later)).toBe("ok");
        expect(output.nextCheck()).toBeGreaterThan(performance.now() + 1);
      }
      expect(stream.lastWriteAt()).toBe(lastWriteAt);
      output.cut();
    }
  });

  test("is cut off when its time is over, and the session goes on without it", async () => {
    const output = createOutput({ heartbeatMs: 20, stalledWriteMs: 5_000, historyBytes: 1 });
    const stream = await stall(output);
    expect(output.check(performance.now() + 5_000)).toBe("ok");
    expect(stream.isOpen()).toBe(false);
    expect(output.isOpen()).toBe(false);
    expect(output.nextCheck()).toBe(Number.POSITIVE_INFINITY);
  });
});
