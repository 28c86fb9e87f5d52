import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { heard, logMessage, receivedBy, say } from "../support/streamable-puppet.ts";
import {
  ACCEPT_BOTH,
  endpointOf,
  initializeBody,
  openStreamable,
  postTo,
  type StreamableSession,
} from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const INITIALIZE = initializeBody("2025-11-25");
const NOTIFICATION = '{"jsonrpc":"2.0","method":"notifications/seen"}';
const ping = (id: string | number): string => JSON.stringify({ jsonrpc: "2.0", id, method: "ping" });

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({ config: { mcpServers: { puppet: fixture("puppet") } } });
});
afterAll(() => proxy.stop());

describe("a POST that is refused starts nothing and reaches no child", () => {
  let session: StreamableSession;
  beforeAll(async () => {
    session = await openStreamable(proxy, "puppet");
  });
  afterAll(() => session.end());

  /** Refused without a session, where it would start one, and within a session, where it would reach the child. */
  async function refused(status: number, code: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const children = proxy.children().length;
    const outside = await postTo(proxy, "puppet", INITIALIZE, headers);
    expect([outside.status, outside.response.headers.get("mcp-session-id")]).toEqual([status, null]);
    expect(outside.messages()[0]).toMatchObject({ jsonrpc: "2.0", error: { data: { code } } });
    const inside = await session.post(NOTIFICATION, headers);
    expect(inside.status).toBe(status);
    expect((await receivedBy(session)).some(({ method }) => method === "notifications/seen")).toBe(false);
    expect(proxy.children().length).toBe(children);
  }

  test.each(["text/html", "application/xml, image/*", "application/*;q=0, text/event-stream;q=0"])(
    "Accept: %s rules out both forms of an answer: 406",
    (accept) => refused(406, "not_acceptable", { Accept: accept }),
  );

  test.each([
    "text/event-stream, application/json",
    "application/json;q=0.9, text/event-stream;q=0.1",
    "APPLICATION/JSON,Text/Event-Stream",
    "*/*",
    "application/*, text/*",
  ])("Accept: %s takes both forms", async (accept) => {
    expect((await session.post(ping("accepted"), { Accept: accept })).status).toBe(200);
  });

  test.each(["text/plain", "application/jsonx", "application/json; charset=utf-16", "multipart/form-data"])(
    "H15: Content-Type: %s: 415",
    (type) => refused(415, "unsupported_media_type", { "Content-Type": type }),
  );

  test.each(["2024-11-04", "2099-01-01", "latest", "2025-06-18, 2025-11-25"])(
    "N11: MCP-Protocol-Version: %s: 400, with the versions that there are",
    async (version) => {
      const answer = await session.post(NOTIFICATION, { "MCP-Protocol-Version": version });
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.messages())).toContain("2025-11-25");
      expect((await session.listen(undefined, { "MCP-Protocol-Version": version })).status).toBe(400);
      expect((await receivedBy(session)).some(({ method }) => method === "notifications/seen")).toBe(false);
    },
  );

  test("A1: no token or a wrong one: 401, with a session or without", async () => {
    for (const Authorization of ["", "Bearer wrong-wrong-wrong-wrong-wrong-wrong"]) {
      expect((await postTo(proxy, "puppet", INITIALIZE, { Authorization })).status).toBe(401);
      const inside = await postTo(proxy, "puppet", NOTIFICATION, { Authorization, "Mcp-Session-Id": session.id });
      expect(inside.status).toBe(401);
      expect(inside.response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
    const ended = await fetch(session.url, { method: "DELETE", headers: { "Mcp-Session-Id": session.id } });
    expect(ended.status).toBe(401);
    expect((await session.request("ping")).result).toEqual({});
  });

  test("H18: a foreign Origin: 403 for POST, GET and DELETE", async () => {
    const Origin = "https://evil.example";
    expect((await session.post(NOTIFICATION, { Origin })).status).toBe(403);
    expect((await session.listen(undefined, { Origin })).status).toBe(403);
    const ended = await fetch(session.url, { method: "DELETE", headers: { ...session.headers, Origin } });
    expect(ended.status).toBe(403);
    expect((await session.request("ping")).result).toEqual({});
  });

  test("a server that is not allowlisted: 403", async () => {
    expect((await postTo(proxy, "nobody", INITIALIZE)).status).toBe(403);
  });
});

describe("methods", () => {
  test.each(["PUT", "PATCH", "HEAD"])("%s gets 405 with the methods that there are", async (method) => {
    const headers = { Authorization: `Bearer ${proxy.secret}`, Accept: ACCEPT_BOTH };
    const answer = await fetch(endpointOf(proxy, "puppet"), { method, headers });
    expect(answer.status).toBe(405);
    for (const allowed of ["GET", "POST", "DELETE"]) expect(answer.headers.get("allow")).toContain(allowed);
  });

  test("a GET that takes no event stream gets 406", async () => {
    const session = await openStreamable(proxy, "puppet");
    expect((await session.listen(undefined, { Accept: "application/json" })).status).toBe(406);
    await session.end();
  });
});

describe("a client that takes one form of an answer gets that one", () => {
  test.each(["application/json", "application/*", "application/json, text/event-stream;q=0"])(
    "JSON, whatever else is said before the answer: %s",
    async (Accept) => {
      const opening = await postTo(proxy, "puppet", INITIALIZE, { Accept });
      expect(opening.response.headers.get("content-type")).toBe("application/json");
      const own = { Accept, "Mcp-Session-Id": opening.response.headers.get("mcp-session-id") ?? "" };
      const post = (body: object) => postTo(proxy, "puppet", JSON.stringify({ jsonrpc: "2.0", ...body }), own);
      const held = post({ id: 1, method: "hold", params: { _meta: { progressToken: "theirs" } } });
      const say = (...messages: readonly object[]) => post({ method: "notifications/say", params: { messages } });
      // Once it is answered, the child has the first one: it reads in order.
      await post({ id: 2, method: "ping" });
      const report = { progressToken: "theirs", progress: 1 };
      await say(logMessage("meanwhile"), { method: "notifications/progress", params: report }, { id: 1, result: {} });
      const { response, messages } = await held;
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(messages()).toEqual([{ jsonrpc: "2.0", id: 1, result: {} }]);
      await proxy.fetch("/puppet/mcp", { method: "DELETE", headers: own });
    },
  );

  test.each(["text/event-stream", "text/*"])("an event stream, however soon the answer is: %s", async (Accept) => {
    const opening = await postTo(proxy, "puppet", INITIALIZE, { Accept });
    expect(opening.response.headers.get("content-type")).toBe("text/event-stream");
    expect((await opening.answer()).result).toBeDefined();
    const own = { Accept, "Mcp-Session-Id": opening.response.headers.get("mcp-session-id") ?? "" };
    const quick = await postTo(proxy, "puppet", ping(1), own);
    expect(quick.response.headers.get("content-type")).toBe("text/event-stream");
    expect((await quick.answer()).result).toEqual({});
    await proxy.fetch("/puppet/mcp", { method: "DELETE", headers: own });
  });

  test("JSON, of a batch an array", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    const answer = await session.post(`[${ping(1)},${ping(2)}]`, { Accept: "application/json" });
    expect(answer.response.headers.get("content-type")).toBe("application/json");
    await answer.ended;
    expect(answer.payloads()[0]?.toString()).toStartWith("[");
    expect(answer.messages().map(({ id }) => id)).toEqual([1, 2]);
    await session.end();
  });
});

describe("answers", () => {
  test("a request whose answer comes first and alone is answered as JSON", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-06-18" });
    const answer = await session.call("ping");
    expect([answer.status, answer.form]).toEqual([200, "json"]);
    expect(answer.response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(answer.payloads()[0]?.toString()).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    await session.end();
  });

  test("an error of the child is an answer as any other: 200", async () => {
    const session = await openStreamable(proxy, "puppet");
    const answer = await session.call("no/such-method");
    expect(answer.status).toBe(200);
    expect((await answer.answer()).error?.code).toBe(-32601);
    await session.end();
  });

  test.each([
    ["a notification", '{"jsonrpc":"2.0","method":"notifications/seen"}'],
    ["J14: a response that nobody asked for", '{"jsonrpc":"2.0","id":"nobody-asked","result":{}}'],
    ["an error response", '{"jsonrpc":"2.0","id":"nobody-asked","error":{"code":-1,"message":"no"}}'],
  ])("J15: %s gets 202 without a body, and reaches the child", async (_, body) => {
    const session = await openStreamable(proxy, "puppet");
    const { status, form, response } = await session.post(body);
    expect([status, form, response.headers.get("content-length") ?? "0"]).toEqual([202, "empty", "0"]);
    expect((await receivedBy(session)).at(-1)).toEqual(JSON.parse(body));
    await session.end();
  });

  test.each(["2025-03-26", "2025-06-18", "2025-11-25"] as const)("speak %s with a client of it", async (revision) => {
    const session = await openStreamable(proxy, "puppet", { revision });
    expect((await session.opening.answer()).result).toMatchObject({ protocolVersion: revision });
    // A client need not repeat the revision: the session knows it.
    const { status } = await postTo(proxy, "puppet", ping("bare"), { "Mcp-Session-Id": session.id });
    expect(status).toBe(200);
    await session.end();
  });

  test("say that no hop may buffer, change or keep them, and nothing about anybody else", async () => {
    const session = await openStreamable(proxy, "puppet", { headers: { "Accept-Encoding": "gzip, br, zstd" } });
    const stream = await session.listen();
    for (const { headers } of [stream.response, (await session.call("ping")).response]) {
      expect(headers.get("cache-control")).toMatch(/no-cache|no-store/);
      expect(headers.get("content-encoding")).toBeNull();
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
    expect(stream.response.headers.get("cache-control")).toContain("no-transform");
    expect(stream.response.headers.get("x-accel-buffering")).toBe("no");
    stream.cut();
    await session.end();
  });
});

describe("J4: batches", () => {
  const batch = (...members: readonly string[]): string => `[${members.join(" ,\n")}]`;

  test("in a session of 2025-03-26 each request of one is answered, and the rest reaches the child", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    const answers = await session.post(
      batch(ping(1), NOTIFICATION, ping("two"), '{"jsonrpc":"2.0","id":3,"method":"x"}'),
    );
    expect(answers.status).toBe(200);
    await answers.ended;
    const byId = new Map(answers.messages().map((message) => [message.id, message]));
    expect([...byId.keys()].map(String).sort()).toEqual(["1", "3", "two"]);
    expect(answers.messages().length).toBe(3);
    expect(byId.get("two")?.result).toEqual({});
    expect(byId.get(3)?.error?.code).toBe(-32601);
    expect((await receivedBy(session)).some(({ method }) => method === "notifications/seen")).toBe(true);
    await session.end();
  });

  test("in a session of 2025-03-26 one without requests gets 202", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    expect((await session.post(batch(NOTIFICATION, NOTIFICATION))).status).toBe(202);
    expect((await receivedBy(session)).filter(({ method }) => method === "notifications/seen").length).toBe(2);
    const responses = batch('{"jsonrpc":"2.0","id":"a","result":{}}', '{"jsonrpc":"2.0","id":"b","result":{}}');
    expect((await session.post(responses)).status).toBe(202);
    await session.end();
  });

  test.each([
    ["an empty one", "[]"],
    ["one with what is no message", batch(ping(1), "42")],
    ["one with a batch in it", batch(ping(1), batch(NOTIFICATION))],
    ["one of ten thousand", batch(...Array.from({ length: 10_000 }, () => NOTIFICATION))],
  ])("%s is refused also there, whole", async (_, body) => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    const answer = await session.post(body);
    expect(answer.status).toBe(400);
    expect(answer.messages()[0]?.error?.code).toBe(-32600);
    expect((await receivedBy(session)).length).toBe(2);
    await session.end();
  });

  test("one with an id twice is answered twice, each under that id", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    const answer = await session.post(batch(ping(1), ping(1)));
    expect(answer.status).toBe(200);
    await answer.ended;
    expect(answer.messages().map(({ id, result }) => [id, result])).toEqual([
      [1, {}],
      [1, {}],
    ]);
    await session.end();
  });

  test("one with more requests than may be in flight is refused whole: no answer of it ever comes on another stream", async () => {
    const session = await openStreamable(proxy, "puppet", { revision: "2025-03-26" });
    const standalone = await session.listen();
    const eighty = (prefix: string, method: string): string =>
      batch(...Array.from({ length: 80 }, (_, at) => JSON.stringify({ jsonrpc: "2.0", id: `${prefix}${at}`, method })));
    // The child leaves these unanswered: 240 of the 256 places are taken.
    await Promise.all(["a", "b", "c"].map((prefix) => session.post(eighty(prefix, "hold"))));
    const answer = await session.post(eighty("d", "ping"));
    expect(answer.status).toBe(429);
    await say(session, logMessage("end"));
    await standalone.message("the log message", ({ params }) => params?.["data"] === "end");
    expect(heard(standalone)).toEqual(["end"]);
    expect((await receivedBy(session)).filter(({ method }) => method === "ping")).toEqual([]);
    standalone.cut();
    await session.end();
  });

  test.each(["2025-06-18", "2025-11-25"] as const)("in a session of %s they are refused", async (revision) => {
    const session = await openStreamable(proxy, "puppet", { revision });
    for (const body of [batch(ping(1)), batch(NOTIFICATION), "[]"]) {
      const answer = await session.post(body);
      expect([answer.status, answer.messages()[0]?.error?.code]).toEqual([400, -32600]);
    }
    expect((await receivedBy(session)).length).toBe(2);
    await session.end();
  });

  test("initialize in a batch starts nothing", async () => {
    await quiet(proxy);
    for (const body of [batch(INITIALIZE), batch(INITIALIZE, ping(1)), "[]"]) {
      expect((await postTo(proxy, "puppet", body)).status).toBe(400);
    }
    expect(proxy.children()).toEqual([]);
  });
});
