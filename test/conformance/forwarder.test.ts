import { describe, expect, test } from "bun:test";
import { within } from "../support/eventually.ts";
import { type ForwarderOptions, startForwarder } from "./forwarder.ts";

/** A target that answers as the test says, and the forwarder before it. */
function forwardTo(
  answer: (request: Request) => Response | Promise<Response>,
  options: Omit<ForwarderOptions, "target" | "secret"> = {},
) {
  const target = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: answer });
  const forwarder = startForwarder({ target: `http://127.0.0.1:${target.port}`, secret: "the secret", ...options });
  return {
    url: forwarder.url,
    [Symbol.asyncDispose]: async () => {
      await forwarder[Symbol.asyncDispose]();
      await target.stop(true);
    },
  };
}

/** A body that the test feeds. */
function fed() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return { readable, feed: (text: string) => writer.write(Buffer.from(text)) };
}

const seen = async (request: Request): Promise<Response> =>
  Response.json({
    method: request.method,
    path: request.url.slice(request.url.indexOf("/", 7)),
    host: request.headers.get("host"),
    origin: request.headers.get("origin"),
    authorization: request.headers.get("authorization"),
    body: await request.text(),
  });

describe("the forwarder before the suite", () => {
  test("adds the credentials and leaves Host, Origin, path and body alone", async () => {
    await using forwarder = forwardTo(seen);
    const headers = { Host: "evil.example.com", Origin: "http://evil.example.com" };
    const answer = await fetch(`${forwarder.url}/a%20b/mcp?c=d`, { method: "POST", headers, body: "text" });
    expect(await answer.json()).toEqual({
      method: "POST",
      path: "/a%20b/mcp?c=d",
      host: "evil.example.com",
      origin: "http://evil.example.com",
      authorization: "Bearer the secret",
      body: "text",
    });
  });

  test("passes on the headers that repeat what a stateless request says", async () => {
    await using forwarder = forwardTo((request) => Response.json([...request.headers]));
    const sent = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "=?base64?w7Y=?=",
      "mcp-param-region": "=?base64?SGVsbG8",
    };
    const answer = await fetch(forwarder.url, { method: "POST", headers: sent, body: "{}" });
    expect(await answer.json()).toEqual(expect.arrayContaining(Object.entries(sent)));
  });

  test("leaves the version in the envelope of a stateless request alone, whichever initialize is to ask for", async () => {
    await using forwarder = forwardTo(seen, { revision: "2025-06-18" });
    const body = '{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
    const answer = await fetch(forwarder.url, { method: "POST", body });
    expect(await answer.json()).toMatchObject({ body });
  });

  test("passes on an answer that is no success as it is", async () => {
    const headers = { "Mcp-Session-Id": "abc", "WWW-Authenticate": "Bearer" };
    await using forwarder = forwardTo(() => new Response(null, { status: 404, headers }));
    const answer = await fetch(forwarder.url, { method: "DELETE" });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("mcp-session-id")).toBe("abc");
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("passes on each part of a stream before the next one is there", async () => {
    const body = fed();
    await using forwarder = forwardTo(() => new Response(body.readable));
    const asked = fetch(forwarder.url);
    await body.feed("one");
    const reader = (await within("the answer's head", asked)).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("one");
    await body.feed("two");
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("two");
  });

  test("leaves the target when its own client leaves in the middle of an answer", async () => {
    const left = Promise.withResolvers<void>();
    const body = fed();
    await using forwarder = forwardTo((request) => {
      request.signal.addEventListener("abort", () => left.resolve());
      return new Response(body.readable);
    });
    const abort = new AbortController();
    const asked = fetch(forwarder.url, { signal: abort.signal });
    await body.feed("one");
    await asked;
    abort.abort();
    await within("the target to be left", left.promise);
  });

  test("leaves the target when its own client leaves before there is an answer", async () => {
    const asked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    await using forwarder = forwardTo(async (request) => {
      request.signal.addEventListener("abort", () => left.resolve());
      asked.resolve();
      await left.promise;
      return new Response();
    });
    const abort = new AbortController();
    const answer = fetch(forwarder.url, { signal: abort.signal }).catch(() => "gone");
    await within("the target to be asked", asked.promise);
    abort.abort();
    expect(await answer).toBe("gone");
    await within("the target to be left", left.promise);
  });

  test("ends an answer after the text that it was told, and leaves the target", async () => {
    const left = Promise.withResolvers<void>();
    const body = fed();
    await using forwarder = forwardTo(
      (request) => {
        request.signal.addEventListener("abort", () => left.resolve());
        return new Response(body.readable);
      },
      { endAfter: "end here" },
    );
    const asked = fetch(forwarder.url);
    await body.feed("one, end");
    const answer = await within("the answer's head", asked);
    await body.feed(" here, two");
    expect(await within("the answer's end", answer.text())).toBe("one, end here, two");
    await within("the target to be left", left.promise);
  });

  test("has initialize ask for the revision that it was told", async () => {
    await using forwarder = forwardTo(seen, { revision: "2025-06-18" });
    const body = '{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}';
    const answer = await fetch(forwarder.url, { method: "POST", body });
    expect(await answer.json()).toMatchObject({ body: body.replace("2025-11-25", "2025-06-18") });
  });
});
