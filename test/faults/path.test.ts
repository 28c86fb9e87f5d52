import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { rawHttp, requestText, statuses } from "../support/raw-http.ts";
import { commandLine, fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const COMMAND = commandLine(fixture("echo", ["--mode", "@scope/näme"]));

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        "odd\\name": fixture("echo"),
        echo: fixture("echo"),
        asleep: fixture("echo", [], { disabled: true }),
        café: fixture("echo"),
      },
      allowedCommands: [COMMAND],
    },
  });
});
afterAll(() => proxy.stop());
// A child that an earlier test left is still being stopped: a test that says "nothing starts" must not see it.
beforeEach(() => quiet(proxy));

/** The answer to an authorised GET of this very path, as no URL library would leave it. */
async function get(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const headers = [`Host: 127.0.0.1:${proxy.port}`, `Authorization: Bearer ${proxy.secret}`, "Connection: close"];
  const answer = await rawHttp(proxy.port, requestText(`GET ${path} HTTP/1.1`, headers));
  return { status: statuses(answer)[0] ?? 0, body: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
}

describe("the server's key in the path", () => {
  test("P1: an exact command line opens, decoded once", async () => {
    const session = await proxy.openSse(COMMAND);
    expect(await session.look("argv")).toEqual(["--mode", "@scope/näme"]);
    session.close();
  });

  test("P1: an encoding of an encoding is another key", async () => {
    expect((await get(`/${encodeURIComponent(encodeURIComponent(COMMAND))}/sse`)).status).toBe(403);
    expect((await get("/%2565cho/sse")).status).toBe(403);
  });

  test("P2: what is no UTF-8 percent-encoding gets 400", async () => {
    for (const key of ["%zz", "%FF", "echo%", "%e4%b8", "%C3%28"]) expect((await get(`/${key}/sse`)).status).toBe(400);
  });

  test("P3: control characters are never a server's", async () => {
    for (const key of ["%00", "echo%00", "%0d%0aSet-Cookie:%20x=1", "echo%0A", "%1b%5b31m"]) {
      const { status, body } = await get(`/${key}/sse`);
      expect([400, 403, 404]).toContain(status);
      expect(body).not.toContain("\u001b");
    }
  });

  test("P4: names that every object has are no servers and no sessions", async () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
      expect((await get(`/${name}/sse`)).status).toBe(403);
      const answer = await proxy.fetch(`/echo/message?sessionId=${name}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"jsonrpc":"2.0","method":"x"}',
      });
      expect(answer.status).toBe(404);
    }
  });

  test("P5: no other spelling of the route reaches it", async () => {
    const paths = [
      "//sse",
      "/echo//sse",
      "/echo/sse//",
      "/echo/SSE",
      "/ECHO/sse",
      "/x\\echo/sse",
      "/echo%2Fsse",
      "/%2e%2e/sse",
    ];
    for (const path of paths) {
      const { status } = await get(path);
      expect({ path, refused: status >= 400 && status < 500 }).toEqual({ path, refused: true });
    }
    expect(proxy.children()).toEqual([]);
  });

  test.each([
    ..."/nothing/../echo/sse /./echo/sse /echo/./sse /echo\\sse /x/..\\echo/sse /..\\echo/sse /\\echo/sse".split(" "),
    ..."/health/../echo/sse /echo/x/../sse /echo/%2e/sse /x/%2E%2e/echo/sse /../echo/sse /../sse /./sse".split(" "),
    ..."//echo/sse /echo//sse /echo/sse// /echo/sse/. /echo/sse/.. /x/../health /health/. /x\\..\\health".split(" "),
    ..."/x/../nothing /nothing/%zz /%FF /a\\b /a/b/c/d/e/f/g/h/../../../../../../../../echo/sse /x/../echo/sse/".split(
      " ",
    ),
    "http://other.example/x/../echo/sse",
  ])("P5: a target that is not in its plain form gets 400 with the secret and without it: %s", async (path) => {
    const start = `GET ${path} HTTP/1.1`;
    const host = [`Host: 127.0.0.1:${proxy.port}`, "Connection: close"];
    for (const headers of [host, [...host, `Authorization: Bearer ${proxy.secret}`]]) {
      const answer = await rawHttp(proxy.port, requestText(start, headers));
      expect(statuses(answer)).toEqual([400]);
      expect(answer).toContain("bad_path");
    }
    expect(proxy.children()).toEqual([]);
  });

  test("P5: what is plain is served: the absolute form, dots in a query, and names that hold an encoded backslash", async () => {
    for (const path of [
      "http://other.example/servers",
      "/servers?x=/../..\\y",
      "/servers/",
      "/servers/?x",
      "/swagger/json/",
    ]) {
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 200 });
    }
    // Without a session: the name was found, or it was not looked for.
    expect((await get("/odd%5Cname/mcp")).status).toBe(405);
    expect((await get("/odd\\name/mcp")).status).toBe(400);
  });

  test("P6: only the very same bytes are the same key", async () => {
    const keys = [
      COMMAND.replace(" ", "  "),
      `${COMMAND} `,
      ` ${COMMAND}`,
      "echo ",
      "cafe\u0301",
      "\u0435cho",
      "echo\u200f",
      "echo\u00a0",
    ];
    for (const key of keys) expect((await get(`/${encodeURIComponent(key)}/sse`)).status).toBe(403);
    expect(proxy.children()).toEqual([]);
  });

  test("P7: an unknown server and a disabled one get the same 403", async () => {
    const unknown = await get("/nobody/sse");
    const disabled = await get("/asleep/sse");
    expect(unknown.status).toBe(403);
    expect(disabled.status).toBe(403);
    expect(disabled.body.replaceAll("asleep", "nobody")).toBe(unknown.body);
    expect(unknown.body).toContain("server_not_allowed");
  });

  test("P8: a path of 15 KiB is refused", async () => {
    const { status } = await get(`/${"a".repeat(15_000)}/sse`);
    expect([400, 403, 404, 414, 431]).toContain(status);
  });
});
