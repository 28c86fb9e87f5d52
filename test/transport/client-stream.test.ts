import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ClientStream, createClientStream } from "../../src/transport/client-stream.ts";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { connectRaw, type RawConnection, requestText } from "../support/raw-http.ts";
import { readSlowly } from "./slow-reader.ts";

setDefaultTimeout(TEST_MS);

const MIB = 1_048_576;
const FIRST = "<first>";
/** More than the kernel takes for a client that reads nothing. */
const MUCH = 24 * MIB;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Served {
  readonly stream: ClientStream;
  readonly client: RawConnection;
  /** The body so far, without the frames of chunked transfer. */
  readonly body: () => string;
  readonly aborted: Promise<void>;
}

/** Serves one stream by a real server. */
function serveOne(stream: ClientStream, onAbort: () => void = () => undefined): URL {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    development: false,
    fetch: (request) => {
      request.signal.addEventListener("abort", onAbort);
      return new Response(stream.body, { headers: { connection: "close" } });
    },
  });
  cleanUps.push(() => server.stop(true));
  return server.url;
}

/** Serves a new stream to a client that has read its beginning. */
async function serve(stalledWriteMs = 0): Promise<Served> {
  const stream = createClientStream({ first: Buffer.from(FIRST), stalledWriteMs });
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const client = await connectRaw(Number(serveOne(stream, resolve).port));
  cleanUps.push(() => {
    stream.cut();
    client.destroy();
  });
  client.send(requestText("GET / HTTP/1.1", ["Host: x"]));
  await client.until("the beginning", (received) => received.includes(FIRST));
  return { stream, client, body: () => unchunked(client.received()), aborted };
}

function unchunked(received: string): string {
  const parts: string[] = [];
  let at = received.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const end = received.indexOf("\r\n", at);
    const size = end === -1 ? Number.NaN : Number.parseInt(received.slice(at, end), 16);
    if (!(size > 0)) return parts.join("");
    parts.push(received.slice(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** A text in which every place can be told from every other. */
function numbered(name: string, bytes: number): string {
  const words: string[] = [];
  for (let i = 0, length = 0; length < bytes; i++) {
    const word = `${name}${i},`;
    words.push(word);
    length += word.length;
  }
  return words.join("");
}

describe("a stream to a client", () => {
  test("begins with its first bytes, and brings every write in order", async () => {
    const { stream, client, body } = await serve();
    const writes = Array.from({ length: 50 }, (_, i) => numbered(`w${i}-`, i * 37 + 1));
    for (const text of writes) await stream.write(Buffer.from(text));
    stream.end();
    await within("the end", client.closed);
    expect(body()).toBe(FIRST + writes.join(""));
  });

  test("keeps small writes behind the slices of a large one, without anybody waiting in between", async () => {
    const { stream, client, body } = await serve();
    client.pause();
    const large = numbered("large", MUCH);
    const writes = [large, "small one,", numbered("second", 700_000), "small two"];
    const written = writes.map((text) => stream.write(Buffer.from(text)));
    stream.end();
    expect(written[0]).toBeInstanceOf(Promise);
    client.resume();
    await within("the writes", Promise.all(written));
    await within("the end", client.closed);
    expect(body() === FIRST + writes.join("")).toBe(true);
  });

  test("takes writes before its client is there", async () => {
    const stream = createClientStream({ first: Buffer.from(FIRST), stalledWriteMs: 0 });
    const early = [stream.write(Buffer.from("one,")), stream.write(Buffer.from("two"))];
    const answer = fetch(serveOne(stream));
    await within("the writes", Promise.all(early));
    stream.end();
    expect(await within("the answer", (await answer).text())).toBe(`${FIRST}one,two`);
  });
});

describe("a slow client", () => {
  test("makes writes wait, is stalled while it takes nothing, and no more when it has read", async () => {
    const { stream, client } = await serve();
    client.pause();
    expect(stream.stalledSince()).toBeUndefined();
    const written = stream.write(Buffer.alloc(MUCH, "x"));
    await eventually("the stall", () => stream.stalledSince() !== undefined);
    expect(await Promise.race([written?.then(() => "written"), Bun.sleep(50).then(() => "waiting")])).toBe("waiting");
    client.resume();
    await within("the write", written ?? Promise.reject(new Error("nothing waits")));
    expect(stream.stalledSince()).toBeUndefined();
    expect(stream.write(Buffer.from("quick"))).toBeUndefined();
  });

  test("that reads a little at a time is stalled for a moment each time, and never for long", async () => {
    const stream = createClientStream({ first: Buffer.from(FIRST), stalledWriteMs: 0 });
    const url = serveOne(stream);
    const stalls = new Set<number>();
    using client = await readSlowly(Number(url.port), requestText("GET / HTTP/1.1", ["Host: x"]), 2, () => {
      const since = stream.stalledSince();
      if (since !== undefined) stalls.add(since);
    });
    await stream.write(Buffer.alloc(MUCH));
    stream.end();
    await within("the end", client.closed);
    expect(client.receivedBytes()).toBeGreaterThan(MUCH);
    // Had the write counted as one, it would have been stalled from its beginning to its end.
    expect(stalls.size).toBeGreaterThan(10);
  });
});

describe("the end", () => {
  test("comes after all that was written; later writes are dropped", async () => {
    const { stream, client, body } = await serve();
    void stream.write(Buffer.from("last"));
    expect(stream.isOpen()).toBe(true);
    stream.end();
    stream.end();
    expect(stream.isOpen()).toBe(false);
    expect(stream.write(Buffer.from("dropped"))).toBeUndefined();
    await within("the end", client.closed);
    expect(body()).toBe(`${FIRST}last`);
  });

  test("waits for a slow client that reads on", async () => {
    const { stream, client, body } = await serve(20_000);
    client.pause();
    void stream.write(Buffer.from(numbered("large", MUCH)));
    stream.end();
    client.resume();
    await within("the end", client.closed);
    expect(body().length).toBe(FIRST.length + numbered("large", MUCH).length);
  });

  test("does not wait for a client that reads nothing longer than the limit", async () => {
    const { stream, client } = await serve(150);
    client.pause();
    const written = stream.write(Buffer.alloc(MUCH));
    stream.end();
    await within("the write to be over", written ?? Promise.resolve());
    client.resume();
    await within("the connection to be closed", client.closed);
    expect(client.receivedBytes()).toBeLessThan(MUCH);
  });

  test("waits longer than the limit for a client that reads slowly, as long as it reads", async () => {
    const limitMs = 1_000;
    const stream = createClientStream({ first: Buffer.from(FIRST), stalledWriteMs: limitMs });
    const url = serveOne(stream);
    let pieces = 0;
    // Pieces that keep it busy for twice the limit, and each of them well within it.
    const pauseMs = 50;
    using client = await readSlowly(Number(url.port), requestText("GET / HTTP/1.1", ["Host: x"]), pauseMs, () => {
      pieces++;
    });
    void stream.write(Buffer.alloc(MUCH));
    stream.end();
    await within("the end", client.closed);
    expect(client.receivedBytes()).toBeGreaterThan(MUCH);
    expect(pieces * pauseMs).toBeGreaterThan(2 * limitMs);
  });

  test("before the client is there is the end all the same", async () => {
    const stream = createClientStream({ first: Buffer.from(FIRST), stalledWriteMs: 0 });
    stream.end();
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(stream.body) });
    cleanUps.push(() => server.stop(true));
    await within(
      "the answer",
      fetch(server.url).then((answer) => answer.text()),
    );
  });
});

describe("a cut", () => {
  test("closes the connection at once and throws away what waits", async () => {
    const { stream, client } = await serve();
    client.pause();
    const written = stream.write(Buffer.alloc(MUCH));
    await eventually("the stall", () => stream.stalledSince() !== undefined);
    stream.cut();
    stream.cut();
    expect(stream.isOpen()).toBe(false);
    expect(stream.write(Buffer.from("more"))).toBeUndefined();
    await within("the write to be over", written ?? Promise.resolve());
    client.resume();
    await within("the connection to be closed", client.closed);
    expect(client.receivedBytes()).toBeLessThan(MUCH);
  });

  test("after the end is allowed, and the other way round", async () => {
    const { stream, client } = await serve();
    stream.end();
    stream.cut();
    stream.end();
    await within("the end", client.closed);
  });
});

test("a client that leaves makes no write wait for ever", async () => {
  const { stream, client, aborted } = await serve();
  client.pause();
  const written = stream.write(Buffer.alloc(MUCH));
  client.destroy();
  await within("the request's abort", aborted);
  await within("the write to be over", written ?? Promise.resolve());
});
