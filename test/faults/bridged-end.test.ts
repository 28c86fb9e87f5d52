import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { eventually, within } from "../support/eventually.ts";
import { type LegacySession, openLegacy, textOf } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const entries = (policy = {}) => ({ modern: fixture("era-modern", [], policy) });

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        ...entries(),
        brief: fixture("era-modern", ["brief"], { timeouts: { lifetime: "4s" } }),
        idle: fixture("era-modern", ["idle"], { timeouts: { idle: "4s", silent: "4s" } }),
        impatient: fixture("era-modern", ["impatient"], { timeouts: { request: "4s", parked: "4s" } }),
      },
      timeouts: { gracefulStop: "500ms" },
    },
  });
});
afterAll(() => proxy.stop());

const isQuestion = ({ id, method }: Message): boolean => id !== undefined && method !== undefined;

function killChildren(): void {
  const servers = proxy.children().filter(({ commandLine }) => commandLine.startsWith(process.execPath));
  expect(servers.length).toBe(1);
  for (const { pid } of servers) process.kill(pid, "SIGKILL");
}

/** Over Streamable HTTP an ended session is not found any more; over HTTP+SSE its stream ends, too. */
async function expectEnded(session: LegacySession): Promise<void> {
  await within("the session's end", session.ended);
  // A client sees the end of its own stream before the proxy does.
  await eventually("the session to be unknown", async () => {
    return (await session.post('{"jsonrpc":"2.0","method":"notifications/after"}')) === 404;
  });
  await quiet(proxy);
}

describe.each(TRANSPORTS)("a session that is bridged onto its own modern child, over %s", (transport) => {
  const open = (server = "modern", capabilities = {}) => openLegacy(proxy, transport, server, { capabilities });

  test("ends with the child, which is told to whoever waits for an answer, once", async () => {
    const session = await open();
    const slow = [1, 2, 3].map(() => session.beginTool("slow", { ms: 3_600_000 }));
    const crash = session.beginTool("crash");
    for (const id of [...slow, crash]) {
      const { error } = await session.answerTo(id);
      expect(error).toMatchObject({ code: -32000, data: { code: "child_exited", exitCode: 3 } });
    }
    await expectEnded(session);
    expect(session.messages().filter(({ id }) => typeof id === "number").length).toBe(4);
  });

  test("ends with the child that is killed while its client is asked", async () => {
    const session = await open("modern", { elicitation: {} });
    const call = session.beginTool("ask", { kind: "elicitation", message: "?" });
    await session.message("the question", isQuestion);
    killChildren();
    expect((await session.answerTo(call)).error).toMatchObject({ data: { code: "child_exited", signal: "SIGKILL" } });
    await expectEnded(session);
  });

  test("ends with the child that is killed between calls", async () => {
    const session = await open();
    expect(await session.tool("echo", { message: "x" })).toBe("x");
    killChildren();
    await expectEnded(session);
  });

  test("is closed with calls, questions and subscriptions open, and leaves nothing", async () => {
    const session = await open("modern", { elicitation: {} });
    await session.request("resources/subscribe", { uri: "fixture:///note" });
    session.beginTool("slow", { ms: 3_600_000 });
    session.beginTool("ask", { kind: "elicitation", message: "?" });
    await session.message("the question", isQuestion);
    await session.close();
    await expectEnded(session);
  });

  test("ends at its lifetime, and when nothing is said for too long, and its child with it", async () => {
    const [brief, idle] = await Promise.all([open("brief"), open("idle")]);
    brief.beginTool("slow", { ms: 3_600_000, tag: "brief" });
    await within("the end of the brief", brief.ended);
    await within("the end of the idle", idle.ended);
    await quiet(proxy);
  });

  test("gets an error for a call that takes too long, which the child is told; a question of its own that it leaves open is withdrawn", async () => {
    const session = await open("impatient", { elicitation: {} });
    const tag = `late ${transport}`;
    const slow = session.beginTool("slow", { ms: 3_600_000, tag });
    const asking = session.beginTool("ask", { kind: "elicitation", message: "?" });
    expect((await session.answerTo(slow)).error?.data).toMatchObject({ code: "child_timeout" });
    await proxy.log.until("the cancellation", ({ stderr }) => stderr === `cancelled ${tag}`);
    await session.message("the withdrawal", ({ method }) => method === "notifications/cancelled");
    expect(textOf(await session.answerTo(asking))).toContain("cancel");
    expect(await session.tool("echo", { message: "on" })).toBe("on");
    await session.close();
    await quiet(proxy);
  });
});

describe.each(["exclusive", "shared"])("a shutdown with calls of bridged sessions in flight (%s)", (isolation) => {
  test.each([...TRANSPORTS])("lets what will be answered be answered, and leaves nothing (%s)", async (transport) => {
    await using other = await startProxy({
      config: {
        mcpServers: { ...entries({ isolation }), legacy: fixture("era-legacy", [], { isolation: "shared" }) },
        timeouts: { shutdown: "2500ms", gracefulStop: "500ms" },
      },
    });
    const servers = isolation === "shared" ? ["modern", "legacy"] : ["modern"];
    const sessions = await Promise.all(
      servers.map((server) => openLegacy(other, transport, server, { capabilities: { elicitation: {} } })),
    );
    const tagged = sessions.map((session, n) => {
      session.beginTool("slow", { ms: 3_600_000, tag: `never ${n}` });
      session.beginTool("ask", { kind: "elicitation", message: "?" });
      return session.beginTool("slow", { ms: 700, tag: `soon ${n}` });
    });
    for (const n of sessions.keys())
      await other.log.until("the call to run", ({ stderr }) => stderr === `started soon ${n}`);
    other.kill("SIGTERM");
    for (const [n, session] of sessions.entries()) {
      expect(textOf(await session.answerTo(tagged[n] ?? ""))).toBe(`done soon ${n}`);
      const { error } = await session.answerTo(1);
      expect(error?.data?.["code"]).toBe("draining");
      await within("the session's end", session.ended);
    }
    await other.stop();
  });

  test("is not held up by a client that never answers what it is asked, longer than it may take", async () => {
    await using other = await startProxy({
      config: { mcpServers: entries({ isolation }), timeouts: { shutdown: "1s", gracefulStop: "500ms" } },
    });
    const session = await openLegacy(other, "HTTP+SSE", "modern", { capabilities: { elicitation: {} } });
    session.beginTool("ask", { kind: "elicitation", message: "?" });
    await session.message("the question", isQuestion);
    await other.stop();
    await within("the end of the stream", session.ended);
  });
});
