import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createBodyReader } from "../../src/transport/body.ts";
import { within } from "../support/eventually.ts";

const FOR_EVER_MS = 600_000;
const JSON_TYPE = { "content-type": "application/json" };

interface Sent {
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxBytes?: number;
  readonly deadlineMs?: number;
}

async function read({ body = "{}", headers = {}, maxBytes = 100, deadlineMs = FOR_EVER_MS }: Sent): Promise<string> {
  const request = new Request("http://x/", { method: "POST", body, headers: { ...JSON_TYPE, ...headers } });
  const readBody = createBodyReader({ maxBytes, deadlineMs });
  return within(
    "the body or its refusal",
    Promise.resolve()
      .then(() => readBody(request))
      .then(String),
  );
}

const refusal = (sent: Sent) =>
  read(sent).then(
    (text) => `taken: ${text}`,
    (error: unknown) => (error instanceof ProxyError ? error.code : error),
  );

/** A body that comes in these pieces and, when it does not end, stays open. */
function pieces(texts: readonly string[], ends = true) {
  let cancelled = false;
  let sent = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const text = texts[sent++];
      if (text !== undefined) controller.enqueue(Buffer.from(text));
      else if (ends) controller.close();
      else return new Promise(() => undefined);
      return undefined;
    },
    cancel: () => {
      cancelled = true;
    },
  });
  return { stream, sent: () => sent, isCancelled: () => cancelled };
}

describe("a body", () => {
  test("is read whole, with a length and without one", async () => {
    const text = '{"a":"é€😀"}';
    expect(await read({ body: text, headers: { "content-length": String(Buffer.byteLength(text)) } })).toBe(text);
    expect(await read({ body: pieces(['{"a":', "1}"]).stream })).toBe('{"a":1}');
    expect(await read({ body: pieces([]).stream })).toBe("");
  });

  test("may be as large as the bound and not a byte larger, however its length is told", async () => {
    for (const size of [100, 101]) {
      const expected = size === 100 ? "taken" : "body_too_large";
      const text = "x".repeat(size);
      expect(await refusal({ body: text, headers: { "content-length": String(size) } })).toStartWith(expected);
      expect(await refusal({ body: pieces([text.slice(0, 60), text.slice(60)]).stream })).toStartWith(expected);
    }
    expect(await read({ body: "x".repeat(100_000), maxBytes: 0 })).toHaveLength(100_000);
  });

  test("over the bound is taken off the connection to its end, so that its client hears of it", async () => {
    const body = pieces(Array.from({ length: 50 }, () => "x".repeat(60)));
    expect(await refusal({ body: body.stream })).toBe("body_too_large");
    expect(body.sent()).toBe(51);
  });

  test("that does not come in time is given up, and one that came is not", async () => {
    expect(await refusal({ body: pieces(["{"], false).stream, deadlineMs: 30 })).toBe("body_timeout");
    expect(await read({ body: pieces(["{", "}"]).stream, deadlineMs: 30 })).toBe("{}");
  });

  test("has its own time: many at once are given up one by one", async () => {
    const readBody = createBodyReader({ maxBytes: 0, deadlineMs: 40 });
    const start = () => {
      const request = new Request("http://x/", {
        method: "POST",
        headers: JSON_TYPE,
        body: pieces(["{"], false).stream,
      });
      return readBody(request).catch((error: unknown) => (error instanceof ProxyError ? error.code : error));
    };
    const first = start();
    await Bun.sleep(20);
    const second = start();
    expect(await Promise.race([first.then(() => "first"), second.then(() => "second")])).toBe("first");
    expect(await within("the second", second)).toBe("body_timeout");
  });

  test("must say that it is JSON in UTF-8, uncompressed", async () => {
    expect(await refusal({ headers: { "content-type": "text/plain" } })).toBe("unsupported_media_type");
    expect(await refusal({ headers: { "content-encoding": "gzip" } })).toBe("unsupported_media_type");
    expect(await refusal({ headers: { "content-encoding": "Identity" } })).toBe("taken: {}");
  });
});
