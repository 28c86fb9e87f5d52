import { describe, expect, test } from "bun:test";
import { callStateless, headerValue, openStateless } from "./stateless.ts";

const META = "io.modelcontextprotocol/";
const STREAM = { headers: { "Content-Type": "text/event-stream" } };

interface Stub extends AsyncDisposable {
  readonly url: string;
  readonly secret: string;
}

function stub(handle: (request: Request) => Response | Promise<Response>): Stub {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, fetch: handle });
  return {
    url: server.url.href.replace(/\/$/, ""),
    secret: "s3cret",
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** Answers with what it was sent. */
async function reflect(request: Request): Promise<Response> {
  const body = (await request.json()) as { readonly id: unknown };
  const result = { path: new URL(request.url).pathname, fields: Object.fromEntries(request.headers), body };
  return Response.json({ jsonrpc: "2.0", id: body.id, result });
}

/** An event stream that the test writes into; `gone` resolves when the client hangs up. */
function tap(): { readonly say: (text: string) => void; readonly response: Response; readonly gone: Promise<void> } {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  let pipe: ReadableStreamDefaultController<string> | undefined;
  const stream = new ReadableStream<string>({
    start: (controller) => {
      pipe = controller;
    },
    cancel: () => resolve(),
  });
  return { say: (text) => pipe?.enqueue(text), response: new Response(stream, STREAM), gone };
}

describe("a stateless call", () => {
  test("says everything about itself in its fields and its envelope", async () => {
    await using proxy = stub(reflect);
    const { status, answer } = await callStateless(proxy, "a b", {
      method: "tools/call",
      params: { name: "écho", arguments: {} },
      capabilities: { roots: {} },
      meta: { progressToken: 1 },
      id: "i",
    });
    expect(status).toBe(200);
    expect(answer).toMatchObject({ id: "i", result: { path: "/a%20b/mcp" } });
    expect(answer.result?.["fields"]).toMatchObject({
      authorization: "Bearer s3cret",
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "=?base64?w6ljaG8=?=",
    });
    expect(answer.result?.["body"]).toEqual({
      jsonrpc: "2.0",
      id: "i",
      method: "tools/call",
      params: {
        name: "écho",
        arguments: {},
        _meta: {
          [`${META}protocolVersion`]: "2026-07-28",
          [`${META}clientInfo`]: { name: "stateless", version: "1.0.0" },
          [`${META}clientCapabilities`]: { roots: {} },
          progressToken: 1,
        },
      },
    });
  });

  test("lets the test change or take away fields and envelope members", async () => {
    await using proxy = stub(reflect);
    const { answer } = await callStateless(proxy, "a", {
      method: "resources/read",
      params: { uri: "x:y" },
      meta: { [`${META}protocolVersion`]: "1900-01-01", [`${META}clientInfo`]: undefined },
      headers: { "mcp-name": "other", Authorization: null, "Mcp-Param-A": "1" },
    });
    const fields = answer.result?.["fields"];
    expect(fields).toMatchObject({ "mcp-protocol-version": "1900-01-01", "mcp-name": "other", "mcp-param-a": "1" });
    expect(fields).not.toHaveProperty("authorization");
    expect(answer.result).not.toHaveProperty(["body", "params", "_meta", `${META}clientInfo`]);
    expect(answer.id).toBeString();
  });

  test("gives all messages of an event stream, and the answer among them", async () => {
    const body =
      ': beat\n\nid: 1\ndata:\n\ndata: {"method":"notifications/progress"}\n\ndata: {"id":1,"result":{}}\n\n';
    await using proxy = stub(() => new Response(body, STREAM));
    const { messages, answer } = await callStateless(proxy, "a", { method: "tools/list" });
    expect(messages).toEqual([{ method: "notifications/progress" }, { id: 1, result: {} }]);
    expect(answer).toEqual({ id: 1, result: {} });
  });

  test("has a status without an answer, and says so only when the answer is wanted", async () => {
    await using proxy = stub(() => new Response("no", { status: 405 }));
    const got = await callStateless(proxy, "a", { method: "tools/list" });
    expect(got).toMatchObject({ status: 405, messages: [] });
    expect(() => got.answer).toThrow("tools/list got 405");
  });

  test("is dropped by its signal before anything came back", async () => {
    const abort = new AbortController();
    const gone = Promise.withResolvers<void>();
    await using proxy = stub(({ signal }) => {
      signal.addEventListener("abort", () => gone.resolve());
      abort.abort();
      return new Promise(() => {});
    });
    await expect(callStateless(proxy, "a", { method: "tools/list", signal: abort.signal })).rejects.toThrow("abort");
    await gone.promise;
  });
});

describe("an open stateless stream", () => {
  test("gives the messages one by one as they come, and hangs up when it is closed", async () => {
    const { say, response, gone } = tap();
    await using proxy = stub(() => response);
    const stream = openStateless(proxy, "a", { method: "subscriptions/listen" });
    say('data: {"method":"a"}\n\ndata: {"method":"b"}\n\n');
    expect(await stream.next()).toEqual({ method: "a" });
    expect(await stream.next()).toEqual({ method: "b" });
    say(':\n\ndata: {"method":"c"}\n\n');
    expect(await stream.next()).toEqual({ method: "c" });
    expect(stream.comments()).toBe(1);
    expect((await stream.response).status).toBe(200);
    await stream.close();
    await gone;
    expect(stream.messages()).toHaveLength(3);
  });

  test("says that the answer has ended, after its last message", async () => {
    await using proxy = stub(() => Response.json({ id: 1, result: {} }));
    await using stream = openStateless(proxy, "a", { method: "tools/list" });
    await stream.ended;
    expect(await stream.next()).toEqual({ id: 1, result: {} });
    await expect(stream.next()).rejects.toThrow("tools/list ended");
  });
});

test.each([
  ["get_weather", "get_weather"],
  ["a b\tc", "a b\tc"],
  ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="],
  [" padded ", "=?base64?IHBhZGRlZCA=?="],
  ["line1\nline2", "=?base64?bGluZTEKbGluZTI=?="],
  ["=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
])("the header value of %j is %s", (value, header) => {
  expect(headerValue(value)).toBe(header);
});
