import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { converse, TRANSPORTS } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { residentBytes } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const MIB = 1_048_576;

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        bursts: fixture("bursts", ["2000"]),
        "floods stdout": fixture("floods-stdout"),
        // It answers nothing, and its start goes on without its client until then.
        "floods lines": fixture("floods-stdout-lines", [], { timeouts: { start: "10s" } }),
        "floods stderr": fixture("floods-stderr", ["96"]),
        "huge line": fixture("huge-line", [String(200 * MIB), "endless"], { limits: { lineBytes: "1MB" } }),
        "large line": fixture("huge-line", [String(15 * MIB)]),
        partial: fixture("partial-writes"),
        noise: fixture("noise"),
        crlf: fixture("crlf"),
        twice: fixture("answers-twice"),
        "asks back": fixture("asks-back"),
      },
      timeouts: { gracefulStop: "500ms" },
    },
  });
});
afterAll(() => proxy.stop());

/** Others ask, and are answered, while a flood goes on. */
async function askForOthers(): Promise<void> {
  for (let check = 0; check < 20; check++) expect((await fetch(`${proxy.url}/health`)).status).toBe(200);
}

describe("floods of a child, over HTTP+SSE,", () => {
  test("C13: a flood of messages leaves others their turn", async () => {
    const session = await proxy.openSse("floods stdout");
    await session.post('{"jsonrpc":"2.0","method":"notifications/go"}');
    await session.message("the flood", ({ method }) => method === "notifications/message");
    await askForOthers();
    session.close();
    await quiet(proxy);
  });

  test("C14: a line without end ends its session with an error, and the memory is given back", async () => {
    const before = residentBytes(proxy.pid);
    const session = await proxy.openSse("huge line");
    const { error } = await session.request("tools/call");
    expect(error?.data).toMatchObject({ code: "child_line_too_large" });
    await session.ended;
    await quiet(proxy);
    expect(residentBytes(proxy.pid) - before).toBeLessThan(48 * MIB);
  });

  test("C16, L5: a flood of what is no message does not become a flood of log lines, and leaves others their turn", async () => {
    const before = proxy.log.lines.length;
    const session = await proxy.openSse("floods lines");
    await eventually("the first drop", () =>
      proxy.log.lines.slice(before).some((line) => line["server"] === "floods lines" && line["bytes"] !== undefined),
    );
    await askForOthers();
    session.close();
    await quiet(proxy);
    const ended = await proxy.log.until(
      "the session's end",
      (line) => line["server"] === "floods lines" && line["dropped"] !== undefined,
    );
    expect(Number(ended["dropped"])).toBeGreaterThanOrEqual(1_000);
    expect(proxy.log.lines.slice(before).filter((line) => line["server"] === "floods lines").length).toBeLessThan(50);
  });

  test("C18: a flood on stderr never blocks the child, reaches no client, and stays out of memory", async () => {
    const before = residentBytes(proxy.pid);
    const session = await proxy.openSse("floods stderr");
    expect((await session.request("ping")).result).toEqual({});
    expect(session.events.length).toBe(2);
    session.close();
    await quiet(proxy);
    expect(residentBytes(proxy.pid) - before).toBeLessThan(80 * MIB);
  });

  test("L5: a flood on stderr is rate-limited in the log, with a count of what was left out", async () => {
    // 96 MiB in lines of one KiB.
    const said = proxy.log.lines.filter((line) => line["server"] === "floods stderr");
    const lines = said.filter((line) => line["stderr"] !== undefined);
    expect(lines.length).toBeGreaterThanOrEqual(1_000);
    const leftOut = said.reduce((sum, line) => sum + Number(line["leftOut"] ?? 0), 0);
    expect(leftOut).toBeGreaterThan(0);
  });
});

describe.each(TRANSPORTS)("what a child writes, over %s,", (transport) => {
  test("arrives in the order in which it was written", async () => {
    const session = await converse(proxy, transport, "bursts");
    await session.request("tools/call");
    const numbers = session
      .messages()
      .flatMap(({ method, params }) => (method === undefined ? [] : [params?.["data"]]));
    expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, number) => number));
    await session.close();
  });

  test("C14: a line under the limit arrives whole", async () => {
    const session = await converse(proxy, transport, "large line");
    const { result } = await session.request("tools/call", {});
    expect(String(result?.["text"]).length).toBe(15 * MIB);
    await session.close();
  });

  test("C15: pieces of lines and of UTF-8 sequences become the same message", async () => {
    const session = await converse(proxy, transport, "partial");
    const message = "größer 🎉 \u2028 日本語";
    const { result } = await session.request("tools/call", { name: "echo", arguments: { message } });
    expect(result?.["content"]).toEqual([{ type: "text", text: message }]);
    await session.close();
  });

  test("C16: banners, invalid UTF-8 and scalars are dropped and counted, and messages between them arrive", async () => {
    const session = await converse(proxy, transport, "noise");
    for (let round = 0; round < 20; round++) expect((await session.request("ping")).result).toEqual({});
    expect(session.messages().length).toBe(20);
    await session.close();
    await quiet(proxy);
    const reason = transport === "HTTP+SSE" ? "client-closed" : "deleted";
    await proxy.log.until(
      "the session's end",
      (line) => line["server"] === "noise" && Number(line["dropped"]) >= 100 && line["reason"] === reason,
    );
  });

  test("C17: lines may end with CR LF, and empty ones are nothing", async () => {
    const session = await converse(proxy, transport, "crlf");
    expect(await session.request("ping")).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    expect(session.payloads().at(-1)?.toString()).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    await session.close();
  });

  test("C19: a second answer, and one to a request that was never made, are dropped", async () => {
    const session = await converse(proxy, transport, "twice");
    for (let round = 0; round < 3; round++) await session.request("ping");
    expect(session.messages().map(({ id }) => id)).toEqual([1, 2, 3]);
    await session.close();
  });

  test("C20: a request of the child under the id of the client's own request is another request", async () => {
    const session = await converse(proxy, transport, "asks back");
    const id = await session.begin("tools/call");
    const question = await session.message("the child's question", ({ method }) => method === "roots/list");
    expect(question.id).toBe(id);
    const reply = `{"jsonrpc":"2.0","id":${id},"result":{"roots":[]}}`;
    expect((await session.post(reply)).status).toBe(202);
    const answer = await session.message("the answer", (message) => message.id === id && message.method === undefined);
    expect(answer.result).toEqual({ heard: reply });
    await session.close();
  });
});
