import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containmentModes } from "../support/containment.ts";
import { converse, TRANSPORTS } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { processesWithCommand } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Sleeps of so many seconds are nobody else's: they find the grandchild in the process table. */
const HOLDER = String(1_000_000 + (process.pid % 100_000));

const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-locked-"));
const locked = join(place, "not-executable");
writeFileSync(locked, "#!/bin/sh\n");
chmodSync(locked, 0o600);

afterAll(() => rmSync(place, { recursive: true, force: true }));

describe.each(containmentModes())("with containment %s,", (containment) => {
  /** A working directory that is there when the configuration is read, and gone when the child starts. */
  const vanishing = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-cwd-"));
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startProxy({
      config: {
        containment,
        mcpServers: {
          absent: { command: "mcp-sse-proxy-no-such-program", args: [] },
          "absent path": { command: "/nonexistent/program", args: [] },
          locked: { command: locked, args: [] },
          homeless: fixture("echo", [], { cwd: vanishing }),
          // Linux takes no single argument over 128 KiB: E2BIG.
          oversized: fixture("echo", ["x".repeat(140_000)]),
          "exits at once": fixture("exits-at-once"),
          dying: fixture("exits-mid-request"),
          killed: fixture("exits-mid-request", ["SIGKILL"]),
          holder: fixture("grandchild", [HOLDER, "group"]),
          "closes stdout": fixture("closes-stdout"),
          "closes stdin": fixture("closes-stdin"),
          leaving: fixture("reads-nothing-and-exits"),
          "last line": fixture("last-line"),
          echo: fixture("echo"),
        },
      },
    });
    rmSync(vanishing, { recursive: true, force: true });
  });
  afterAll(() => proxy.stop());

  describe("a child that does not start", () => {
    test.each(["absent", "absent path", "locked", "homeless", "oversized"])(
      "C1: %s: 502 before any stream, and the reason is no path and no stack",
      async (server) => {
        const answer = await proxy.fetch(`/${encodeURIComponent(server)}/sse`);
        expect(answer.status).toBe(502);
        expect(answer.headers.get("content-type")).toContain("application/json");
        const body = await answer.text();
        expect(JSON.parse(body)).toMatchObject({ error: { data: { code: "child_start_failed" } } });
        for (const secret of ["/nonexistent", vanishing, locked, "node_modules", "xxxx", "at "])
          expect(body).not.toContain(secret);
        await quiet(proxy);
      },
    );

    test("C2: one that exits at once ends its stream, and the log has the exit code and its last words", async () => {
      const session = await proxy.openSse("exits at once").catch(() => undefined);
      await session?.ended;
      const line = await proxy.log.until("the child's end", (entry) =>
        JSON.stringify(entry).includes("no configuration found"),
      );
      expect(line).toBeDefined();
      await proxy.log.until("its exit code", (entry) => /exit code 3|"exitCode":3/.test(JSON.stringify(entry)));
      expect((await session?.post('{"jsonrpc":"2.0","id":1,"method":"ping"}'))?.status ?? 404).toBe(404);
      await quiet(proxy);
    });
  });

  describe.each(TRANSPORTS)("a child that ends, over %s", (transport) => {
    test("C3: every request that it owed gets one error with the exit code and the last words, and the stream ends", async () => {
      const session = await converse(proxy, transport, "dying");
      const hold = (id: string) => session.post(`{"jsonrpc":"2.0","id":"${id}","method":"hold"}`);
      expect((await Promise.all([hold("a"), hold("b")])).map(({ accepted }) => accepted)).toEqual([true, true]);
      const fatal = await session.begin("tools/call");
      await session.ended;
      for (const id of ["a", "b", fatal]) await session.message("its error", (message) => message.id === id);
      for (const id of ["a", "b", fatal]) {
        const answers = session.messages().filter((message) => message.id === id);
        expect(answers.length).toBe(1);
        expect(answers[0]?.error?.code).toBe(-32000);
        expect(answers[0]?.error?.message).toContain("7");
        expect(answers[0]?.error?.data).toMatchObject({ code: "child_exited", exitCode: 7 });
        expect(JSON.stringify(answers[0]?.error?.data)).toContain("the tool went wrong");
      }
      await quiet(proxy);
    });

    test("C3: one that a signal ended says so", async () => {
      const session = await converse(proxy, transport, "killed");
      const { error } = await session.request("tools/call");
      expect(error?.data).toMatchObject({ code: "child_exited", signal: "SIGKILL" });
      await session.ended;
    });

    test("C10: its end counts, although a grandchild still holds its stdout", async () => {
      const session = await converse(proxy, transport, "holder");
      await eventually("the grandchild", () => processesWithCommand(`sleep ${HOLDER}`).length > 0);
      const { error } = await session.request("tools/call");
      expect(error?.data).toMatchObject({ code: "child_exited", exitCode: 0 });
      await session.ended;
      await eventually("the grandchild's end", () => processesWithCommand(`sleep ${HOLDER}`).length === 0);
    });

    test("C11: one that closes its stdout and lives on is ended, and what it owed is answered", async () => {
      const session = await converse(proxy, transport, "closes stdout");
      const { error } = await session.request("tools/call");
      expect(error?.data).toMatchObject({ code: "child_exited" });
      await session.ended;
      await quiet(proxy);
    });

    test("C17: its last message arrives, although it has no newline", async () => {
      const session = await converse(proxy, transport, "last line");
      const { result } = await session.request("tools/call");
      expect(result).toMatchObject({ content: [{ type: "text" }] });
      expect(session.messages().filter(({ method }) => method === "notifications/message").length).toBe(1);
      expect(session.messages().filter(({ id }) => id === 1).length).toBe(1);
    });
  });

  describe("a child that ends, over HTTP+SSE before any handshake", () => {
    test("C12: one that closed its stdin gives its caller an error, and the proxy lives", async () => {
      const session = await proxy.openSse("closes stdin");
      const refusal = await eventually("an error for the caller", async () => {
        const answer = await session.post('{"jsonrpc":"2.0","method":"notifications/x"}');
        return answer.status === 202 ? undefined : answer;
      });
      expect([404, 502]).toContain(refusal.status);
      expect((await fetch(`${proxy.url}/health`)).status).toBe(200);
      session.close();
      await quiet(proxy);
    });

    test("C12: one that dies over an unread megabyte gives its caller an error, and the proxy lives", async () => {
      const session = await proxy.openSse("leaving");
      const body = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { fill: "x".repeat(3_000_000) },
      });
      const first = await session.post(body);
      expect(first.status).toBe(202);
      const answer = await session.message("the error", ({ id }) => id === 1);
      expect(answer.error?.data).toMatchObject({ code: "child_exited", exitCode: 9 });
      await session.ended;
      const echo = await proxy.openSse("echo");
      expect((await echo.request("ping")).result).toEqual({});
      echo.close();
    });
  });
});
