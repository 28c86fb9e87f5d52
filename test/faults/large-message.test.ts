import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { cpuMs } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { requestText } from "../support/raw-http.ts";
import { readSlowly } from "../transport/slow-reader.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Answers each request with a text of so many lines of 300 characters. */
const LONG_TEXT = `
for await (const line of console) {
  const { id } = JSON.parse(line);
  if (id === undefined) continue;
  const text = ("x".repeat(300) + "\\n").repeat(Number(process.argv[1]));
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text }] } }));
}`;

const longText = (lines: number, policy: object = {}) => ({
  command: process.execPath,
  args: ["-e", LONG_TEXT, String(lines)],
  limits: { lineBytes: "32MB" },
  ...policy,
});

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        fourteen: longText(48_000),
        twelve: longText(41_000, { timeouts: { stalledWrite: "1s", heartbeat: "200ms" } }),
      },
    },
  });
});
afterAll(() => proxy.stop());

test("a result of 14 MB in many lines keeps nobody else waiting", async () => {
  const session = await proxy.openSse("fourteen");
  const answer = session.request("tools/call", {});
  let isOver = false;
  void answer.finally(() => {
    isOver = true;
  });
  const before = cpuMs(proxy.pid);
  while (!isOver) expect((await proxy.fetch("/health")).status).toBe(200);
  const { result } = await answer;
  expect(JSON.stringify(result).length).toBeGreaterThan(14_000_000);
  // Reading it takes some 30 ms of work; an unfortunate scan took as many seconds.
  expect(cpuMs(proxy.pid) - before).toBeLessThan(15_000);
  session.close();
  await quiet(proxy);
});

test("S5: a client that is slow but reads steadily gets all of it, however long that takes", async () => {
  const endpoint = Promise.withResolvers<string>();
  const whole = Promise.withResolvers<void>();
  let head = "";
  let bytes = 0;
  const fields = [`Host: 127.0.0.1:${proxy.port}`, `Authorization: Bearer ${proxy.secret}`];
  const request = requestText("GET /twelve/sse HTTP/1.1", [...fields, "Accept: text/event-stream"]);
  using _client = await readSlowly(proxy.port, request, 150, (piece) => {
    bytes += piece.length;
    if (head.length < 10_000) head += piece.toString("latin1");
    const reference = /data: (\S+)\n\n/.exec(head)?.[1];
    if (reference !== undefined) endpoint.resolve(reference);
    if (bytes > 41_000 * 302) whole.resolve();
  });
  const reference = await within("the endpoint", endpoint.promise);
  const post = (body: string) =>
    proxy.fetch(reference, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const started = performance.now();
  expect((await post('{"jsonrpc":"2.0","id":1,"method":"tools/call"}')).status).toBe(202);
  await within("the whole of it", whole.promise);
  // Several times as long as a client may take nothing.
  expect(performance.now() - started).toBeGreaterThan(3_000);
  expect((await post('{"jsonrpc":"2.0","method":"notifications/initialized"}')).status).toBe(202);
});
