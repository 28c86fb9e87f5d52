import { afterEach, describe, expect, test } from "bun:test";
import type { OutgoingMessage } from "../../../src/session/output.ts";
import type { ClientStream } from "../../../src/transport/client-stream.ts";
import { createHistory, createHistoryBudget } from "../../../src/transport/history.ts";
import { createEventStreamOutput, type EventStreamOutput } from "../../../src/transport/sse/output.ts";
import { within } from "../../support/eventually.ts";
import { connectRaw, type RawConnection, requestText } from "../../support/raw-http.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const RECONNECT_MS = 60_000;

function createOutput({ maxEvents = 1_024, awayBytes = 0 } = {}): EventStreamOutput {
  const history = createHistory({ budget: createHistoryBudget(0), maxEvents, maxBytes: 0, maxAgeMs: 1_000_000 });
  const back = { handle: "handle", reconnectMs: RECONNECT_MS, history, awayBytes };
  return createEventStreamOutput({ heartbeatMs: 0, stalledWriteMs: 5_000, endpoint: "/endpoint", return: back });
}

const message = (number: number): OutgoingMessage => ({
  line: Buffer.from(`{"jsonrpc":"2.0","method":"n","params":${number}}`),
  message: { kind: "notification", method: "n" },
  about: undefined,
});

/** Connects a client, which is a bare connection. */
async function connect(output: EventStreamOutput, lastSequence?: number) {
  const stream = output.connect(lastSequence);
  if (typeof stream !== "object") throw new Error(`no stream: ${stream}`);
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
  await client.until("the endpoint", (received) => received.includes("event: endpoint"));
  return { stream, client };
}

const idsOf = (client: RawConnection): readonly string[] =>
  [...client.received().matchAll(/^id: (.*)$/gm)].map((match) => match[1] ?? "");
const last = (output: EventStreamOutput, stream: ClientStream) => expect(output.disconnect(stream)).toBe(true);

describe("a client that comes back", () => {
  test("hears the endpoint again, then what it missed, and what comes next", async () => {
    const output = createOutput();
    const first = await connect(output);
    output.deliver([message(1), message(2)]);
    await first.client.until("the second", (received) => received.includes('"params":2'));
    expect(idsOf(first.client)).toEqual(["handle-1", "handle-2"]);
    last(output, first.stream);
    output.deliver([message(3)]);
    output.answer("1", '{"jsonrpc":"2.0","id":1,"error":{}}');
    const second = await connect(output, 1);
    output.deliver([message(5)]);
    await second.client.until("the last", (received) => received.includes('"params":5'));
    expect(idsOf(second.client)).toEqual(["handle-2", "handle-3", "handle-4", "handle-5"]);
  });

  test("before the proxy has noticed that it left takes over, and the late farewell means nothing", async () => {
    const output = createOutput();
    const first = await connect(output);
    const second = await connect(output, 0);
    await within("the end of the first", first.client.closed);
    expect(output.disconnect(first.stream)).toBe(false);
    expect(output.isOpen()).toBe(true);
    output.deliver([message(1)]);
    await second.client.until("the message", (received) => received.includes('"params":1'));
  });

  test("after events that are forgotten, or were never there, is told so", async () => {
    const output = createOutput({ maxEvents: 2 });
    const { stream } = await connect(output);
    for (let number = 1; number <= 3; number++) output.deliver([message(number)]);
    last(output, stream);
    expect(output.connect(0)).toBe("gap");
    expect(output.connect(4)).toBeUndefined();
    output.close(undefined);
    expect(output.connect(3)).toBe("over");
  });
});

describe("while its client is away", () => {
  test("an output is not open, and gone when that lasts too long", async () => {
    const output = createOutput();
    const { stream } = await connect(output);
    expect(output.isOpen()).toBe(true);
    last(output, stream);
    expect(output.isOpen()).toBe(false);
    expect(output.isListening()).toBe(false);
    expect(output.check(performance.now())).toBe("ok");
    expect(output.nextCheck()).toBeGreaterThan(performance.now());
    expect(output.check(performance.now() + RECONNECT_MS)).toBe("gone");
  });

  test("the child goes on until enough waits for the client, then waits itself until that is back", async () => {
    const output = createOutput({ awayBytes: 200 });
    const { stream } = await connect(output);
    last(output, stream);
    expect(output.deliver([message(1)])).toBeUndefined();
    const waiting = output.deliver([message(2), message(3)]);
    expect(waiting).toBeInstanceOf(Promise);
    const back = await connect(output, 0);
    await within("the child to go on", waiting ?? Promise.resolve());
    await back.client.until("all of it", (received) => received.includes('"params":3'));
    last(output, back.stream);
    const again = output.deliver([message(4), message(5), message(6)]);
    output.close(undefined);
    await within("the child to go on at the end", again ?? Promise.resolve());
  });
});
