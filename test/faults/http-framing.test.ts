import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { connectRaw, rawHttp, requestText, statuses } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({ config: { mcpServers: { echo: fixture("echo", [], { clientEnv: "*" }) } } });
});
afterAll(() => proxy.stop());

const host = (): string => `Host: 127.0.0.1:${proxy.port}`;
const token = (): string => `Authorization: Bearer ${proxy.secret}`;
const head = (start: string, ...more: string[]): string => requestText(start, [host(), token(), ...more]);
const OPEN = "GET /echo/sse HTTP/1.1";
const POST = "POST /echo/message?sessionId=x HTTP/1.1";

function expectNothingStarted(): void {
  expect(proxy.children()).toEqual([]);
}

describe("bytes that are no proper HTTP request", () => {
  test("H1: a header block over 16 KiB, or over 198 fields, gets 431 and starts nothing", async () => {
    const wide = head(OPEN, `X-Fill: ${"x".repeat(20_000)}`, "Connection: close");
    const many = head(OPEN, ...Array.from({ length: 210 }, (_, index) => `X-${index}: 1`), "Connection: close");
    for (const request of [wide, many]) expect(statuses(await rawHttp(proxy.port, request))).toEqual([431]);
    expectNothingStarted();
  });

  const malformed: readonly (readonly [string, () => string])[] = [
    ["both lengths", () => `${head(POST, "Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`],
    ["two different lengths", () => `${head(POST, "Content-Length: 2", "Content-Length: 4")}{}{}`],
    ["a length with a sign", () => `${head(POST, "Content-Length: +4")}{}{}`],
    ["a hexadecimal length", () => `${head(POST, "Content-Length: 0x4")}{}{}`],
    ["an unknown transfer coding", () => `${head(POST, "Transfer-Encoding: xchunked")}0\r\n\r\n`],
    ["a chunk without a length", () => `${head(POST, "Transfer-Encoding: chunked")}zz\r\nhello\r\n0\r\n\r\n`],
    ["a folded header", () => head(OPEN, "X-Folded: one\r\n two")],
    ["NUL in a header", () => head(OPEN, "X-Nul: a\0b")],
    ["a bare CR in a header", () => head(OPEN, "X-Cr: a\rb")],
    ["a space in a header's name", () => head(OPEN, "X Bad: 1")],
  ];
  test.each(malformed)("H3: %s is refused, and the connection is closed", async (_, request) => {
    const seen = statuses(await rawHttp(proxy.port, request()));
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((status) => status < 400 || (status >= 500 && status !== 505))).toEqual([]);
    expectNothingStarted();
  });

  test("H3: lines that end with LF alone open nothing", async () => {
    const connection = await connectRaw(proxy.port);
    connection.send(`${OPEN}\n${host()}\n${token()}\n\n`);
    connection.end();
    await connection.closed;
    expect(statuses(connection.received()).filter((status) => status < 400)).toEqual([]);
    expectNothingStarted();
  });

  test("H4: two Host headers get 400", async () => {
    expect(statuses(await rawHttp(proxy.port, head(OPEN, host(), "Connection: close")))).toEqual([400]);
    expectNothingStarted();
  });

  test.each(["Host:", "Host: a/b", "Host: a?b", "Host: a b", "Host: user@127.0.0.1", "Host: [::1"])(
    "H5: %s gets 400 on every route that acts, and 500 on none",
    async (line) => {
      for (const path of ["/servers", "/echo/sse", "/swagger", "/health"]) {
        const request = requestText(`GET ${path} HTTP/1.1`, [line, token(), "Connection: close"]);
        const [status] = statuses(await rawHttp(proxy.port, request));
        if (path === "/health" || path === "/swagger") expect([200, 400]).toContain(status ?? 0);
        else expect(status).toBe(400);
      }
      expectNothingStarted();
    },
  );

  test("H5: no Host at all gets 400, in HTTP/1.1 and in HTTP/1.0", async () => {
    for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
      const request = requestText(`GET /echo/sse ${version}`, [token(), "Connection: close"]);
      expect(statuses(await rawHttp(proxy.port, request))).toEqual([400]);
    }
    expectNothingStarted();
  });

  test.each(["TRACE", "PUT", "PATCH"])("H7: %s gets 405 with Allow on the event stream's URL", async (method) => {
    const answer = await rawHttp(
      proxy.port,
      head(`${method} /echo/sse HTTP/1.1`, "Content-Length: 0", "Connection: close"),
    );
    expect(statuses(answer)).toEqual([405]);
    expect(answer).toMatch(/^allow: .*GET/im);
    expectNothingStarted();
  });

  test("H7: CONNECT and methods that do not exist never reach a route", async () => {
    for (const method of ["CONNECT", "FOO", "get"]) {
      const answer = await rawHttp(
        proxy.port,
        head(`${method} /echo/sse HTTP/1.1`, "Content-Length: 0", "Connection: close"),
      );
      expect(statuses(answer).filter((status) => status < 400)).toEqual([]);
    }
    expectNothingStarted();
  });

  test("H8: of three pipelined requests the one without a token gets 401, in its place", async () => {
    const servers = (withToken: boolean, last: boolean): string =>
      requestText("GET /servers HTTP/1.1", [
        host(),
        ...(withToken ? [token()] : []),
        `Connection: ${last ? "close" : "keep-alive"}`,
      ]);
    const answers = await rawHttp(proxy.port, servers(true, false) + servers(false, false) + servers(true, true));
    expect(statuses(answers)).toEqual([200, 401, 200]);
  });

  test("H14: Expect: 100-continue without a token ends in 401", async () => {
    const request = requestText(POST, [host(), "Expect: 100-continue", "Content-Length: 2", "Connection: close"], "{}");
    expect(statuses(await rawHttp(proxy.port, request)).at(-1)).toBe(401);
  });

  test("H17: the body of a GET is never taken for a request", async () => {
    const smuggled = head(OPEN);
    const request = requestText("GET /health HTTP/1.1", [
      host(),
      `Content-Length: ${smuggled.length}`,
      "Connection: close",
    ]);
    expect(statuses(await rawHttp(proxy.port, request + smuggled))).toEqual([200]);
    expectNothingStarted();
  });

  test("H17: the trailers of a chunked body start nothing", async () => {
    const request = `${head(POST, "Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close")}2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n`;
    const answers = statuses(await rawHttp(proxy.port, request));
    expect(answers.filter((status) => status < 400)).toEqual([]);
    expectNothingStarted();
  });
});
