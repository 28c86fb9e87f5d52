import { afterEach, describe, expect, test } from "bun:test";
import { ProxyError } from "../../../src/base/errors.ts";
import { createExchanges, type Exchange } from "../../../src/transport/stateless/exchange.ts";
import { eventually, within } from "../../support/eventually.ts";
import { connectRaw, type RawConnection, requestText } from "../../support/raw-http.ts";

const ANSWER = Buffer.from('{"jsonrpc":"2.0","id":"x","result":{}}');
const notification = (bytes = 0): Buffer =>
  Buffer.from(`{"jsonrpc":"2.0","method":"n","params":{"fill":"${"x".repeat(bytes)}"}}`);

interface Served {
  readonly exchange: Exchange;
  readonly client: RawConnection;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** An exchange whose client is a bare connection, which has sent its request and got nothing yet. */
async function serve({ heartbeatMs = 0, stalledWriteMs = 0, takesStream = true } = {}): Promise<Served> {
  const createExchange = createExchanges();
  const made = Promise.withResolvers<Exchange>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    development: false,
    fetch: async ({ signal }) => {
      const exchange = createExchange({ rawId: '"x"', heartbeatMs, stalledWriteMs, signal, takesStream });
      made.resolve(exchange);
      const reply = await exchange.reply.catch(() => undefined);
      return new Response(reply?.body ?? "refused", { status: reply === undefined ? 502 : 200 });
    },
  });
  const client = await connectRaw(server.port ?? 0);
  closers.push(() => {
    client.destroy();
    server.stop(true);
  });
  client.send(requestText("POST / HTTP/1.1", ["Host: x", "Content-Length: 0"]));
  return { exchange: await within("the request", made.promise), client };
}

const left = (exchange: Exchange): Promise<unknown> =>
  within(
    "the client to be gone",
    eventually("the signal", () => exchange.left.aborted),
  );

describe("an answer", () => {
  test("that comes soon is the whole body", async () => {
    const { exchange, client } = await serve();
    exchange.sink.begin();
    exchange.sink.answer(ANSWER);
    expect(await client.until("the answer", (text) => text.includes('"result"'))).not.toContain("data:");
    expect(exchange.left.aborted).toBe(false);
  });

  test("that takes a child longer comes on an event stream, after all that was said before it", async () => {
    const { exchange, client } = await serve();
    exchange.sink.begin();
    await client.until("the stream", (text) => text.includes(": stream open"));
    exchange.sink.notify(notification());
    exchange.sink.answer(ANSWER);
    const text = await client.until("the answer", (received) => received.includes('"result"'));
    expect(text.indexOf('"method":"n"')).toBeLessThan(text.indexOf('"result"'));
  });

  test("is given once: nothing comes after it", async () => {
    const { exchange, client } = await serve();
    exchange.sink.notify(notification());
    exchange.sink.answer(ANSWER);
    exchange.sink.answer(ANSWER);
    exchange.sink.fail(new ProxyError("child_exited"));
    exchange.sink.notify(notification());
    exchange.sink.cut();
    const text = await client.until("the end", (received) => received.endsWith("0\r\n\r\n"));
    expect(text.match(/data:/g)?.length).toBe(2);
  });

  test("that is a refusal has a status of its own, unless the stream has begun", async () => {
    const refusal = new ProxyError("pool_full");
    const early = await serve();
    early.exchange.sink.fail(refusal);
    await expect(early.exchange.reply).rejects.toBe(refusal);
    const late = await serve();
    late.exchange.sink.notify(notification());
    late.exchange.sink.fail(refusal);
    expect(await late.client.until("the error", (text) => text.includes("pool_full"))).toContain("HTTP/1.1 200");
  });
});

test("a client that takes no stream gets the answer alone, and nothing that was said before it", async () => {
  const { exchange, client } = await serve({ takesStream: false });
  exchange.sink.begin();
  expect(exchange.sink.notify(notification())).toBeUndefined();
  exchange.sink.answer(ANSWER);
  const text = await client.until("the answer", (received) => received.includes('"result"'));
  expect(text).not.toContain("data:");
  expect(text).not.toContain('"method":"n"');
});

describe("a client", () => {
  test("that was told a lot at once, before it could take anything, is not slow", async () => {
    const { exchange, client } = await serve();
    for (let said = 0; said < 50; said++) exchange.sink.notify(notification(100));
    expect(exchange.sink.isSlow()).toBe(false);
    await client.until("all of it", (text) => text.match(/data:/g)?.length === 50);
  });

  test("that does not read is slow, and no longer when it has read", async () => {
    const { exchange, client } = await serve();
    exchange.sink.notify(notification());
    await client.until("the first", (text) => text.includes("data:"));
    client.pause();
    await eventually("slowness", () => {
      exchange.sink.notify(notification(100_000));
      return exchange.sink.isSlow();
    });
    client.resume();
    await eventually("it has read", () => !exchange.sink.isSlow());
    expect(exchange.left.aborted).toBe(false);
  });

  test("that takes nothing for too long counts as gone, also without heartbeats", async () => {
    const { exchange, client } = await serve({ stalledWriteMs: 100 });
    exchange.sink.notify(notification());
    await client.until("the first", (text) => text.includes("data:"));
    client.pause();
    await eventually("slowness", () => {
      exchange.sink.notify(notification(100_000));
      return exchange.sink.isSlow();
    });
    await left(exchange);
  });

  test("that leaves before anything came counts as gone, and the reason is the request's own", async () => {
    const { exchange, client } = await serve();
    client.destroy();
    await left(exchange);
    await expect(exchange.reply).rejects.not.toBeInstanceOf(ProxyError);
  });

  test("that leaves its event stream gets no heartbeat more, nor anything else", async () => {
    const { exchange, client } = await serve({ heartbeatMs: 20 });
    exchange.sink.begin();
    await client.until("heartbeats", (text) => (text.match(/^:/gm)?.length ?? 0) > 2);
    client.destroy();
    await left(exchange);
    expect(exchange.sink.notify(notification())).toBeUndefined();
  });

  test("that was cut off counts as gone", async () => {
    const { exchange, client } = await serve();
    exchange.sink.notify(notification());
    await client.until("the first", (text) => text.includes("data:"));
    exchange.sink.cut();
    expect(exchange.left.aborted).toBe(true);
    await within("the end of the connection", client.closed);
  });

  test("that has its answer is not gone when it closes its connection", async () => {
    const { exchange, client } = await serve();
    exchange.sink.answer(ANSWER);
    await client.until("the answer", (text) => text.includes('"result"'));
    client.destroy();
    await client.closed;
    expect(exchange.left.aborted).toBe(false);
  });
});
