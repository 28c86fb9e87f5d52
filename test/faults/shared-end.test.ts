import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { type LegacySession, openLegacy } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const ERAS = ["legacy", "modern"] as const;
const CASES = ERAS.flatMap((era) => TRANSPORTS.map((transport) => [era, transport] as const));
/** Each with crashes of its own: after three there is a rest. */
const SERVERS = ["crash", "asked", "between", "lifetime", "warm", "taken back", "loop"] as const;
const POLICIES: Readonly<Record<string, object>> = {
  warm: { timeouts: { warm: "1500ms" } },
  lifetime: { timeouts: { lifetime: "1s" } },
};
const NOTE = "fixture:///note";

let proxy: TestProxy;
beforeAll(async () => {
  const entries = CASES.flatMap(([era, transport]) =>
    SERVERS.map((server) => {
      const name = `${server} ${era} ${transport}`;
      return [name, fixture(`era-${era}`, [name], { isolation: "shared", ...POLICIES[server] })] as const;
    }),
  );
  proxy = await startProxy({ config: { mcpServers: Object.fromEntries(entries), timeouts: { warm: 0 } } });
});
afterAll(() => proxy.stop());

const isQuestion = ({ id, method }: Message): boolean => id !== undefined && method !== undefined;
const changed = ({ method }: Message): boolean => method === "notifications/tools/list_changed";
const updated = ({ method }: Message): boolean => method === "notifications/resources/updated";
const count = (session: LegacySession, fits: (message: Message) => boolean): number =>
  session.messages().filter(fits).length;

/** The processes of a server, which has its own name for an argument. */
const children = (server: string) =>
  proxy
    .children()
    .filter(({ commandLine }) => commandLine.startsWith(process.execPath) && commandLine.endsWith(server));

const opened: LegacySession[] = [];
// Whatever a test leaves open would be found by all that follow it.
afterEach(async () => {
  for (const session of opened.splice(0)) await session.close();
});

async function closeAll(...sessions: readonly LegacySession[]): Promise<void> {
  for (const session of sessions) await session.close();
  await quiet(proxy);
}

describe.each(CASES)("sessions that share a %s child over %s", (era, transport) => {
  const open = async (server: string, capabilities = {}): Promise<LegacySession> => {
    const session = await openLegacy(proxy, transport, `${server} ${era} ${transport}`, { capabilities });
    opened.push(session);
    return session;
  };
  const childrenOf = (server: string) => children(`${server} ${era} ${transport}`);

  test("are told when it dies, each of what it was owed, and go on with one new child", async () => {
    const sessions = await Promise.all([open("crash"), open("crash"), open("crash")]);
    const [first, second, third] = sessions;
    expect(childrenOf("crash").length).toBe(1);
    const slow = [first, first, second].map((session) => session.beginTool("slow", { ms: 20_000, tag: "lost" }));
    const crash = third.beginTool("crash");
    for (const [n, id] of slow.entries()) {
      const { error } = await (n < 2 ? first : second).answerTo(id);
      expect(error).toMatchObject({ code: -32000, data: { code: "child_exited", exitCode: 3 } });
    }
    expect((await third.answerTo(crash)).error?.data?.["code"]).toBe("child_exited");
    const texts = await Promise.all(sessions.map((session) => session.tool("echo", { message: "on" })));
    expect(texts).toEqual(["on", "on", "on"]);
    expect(childrenOf("crash").length).toBe(1);
    await closeAll(...sessions);
  });

  test("go on hearing of lists and resources when it dies between calls, without a word of theirs", async () => {
    const [quietOne, other] = await Promise.all([open("between"), open("between")]);
    await quietOne.request("resources/subscribe", { uri: NOTE });
    const [child] = childrenOf("between");
    process.kill(child?.pid ?? 0, "SIGKILL");
    await eventually("a new child", () => childrenOf("between").some(({ pid }) => pid !== child?.pid));
    let made = 0;
    const make = async (): Promise<void> => {
      made++;
      await other.tool("touch", { uri: NOTE });
      await other.tool("change");
    };
    const heard = () => [count(quietOne, updated), count(quietOne, changed), count(other, changed)];
    // The new child is subscribed to again at its own pace: what comes before that is not heard.
    await eventually("an update and a change", async () => {
      await make();
      return heard().every((times) => times > 0);
    });
    const unheard = made;
    for (let n = 0; n < unheard + 3; n++) await make();
    await eventually("the rest", () => heard().every((times) => times >= unheard + 3));
    await Promise.all([quietOne.tool("echo"), other.tool("echo")]);
    // Heard twice, they would be more.
    expect(Math.max(...heard())).toBeLessThanOrEqual(made);
    expect(count(other, updated)).toBe(0);
    await closeAll(quietOne, other);
  });

  test("hear of it when it dies while a client is asked, and the question is of no use any more", async () => {
    const session = await open("asked", { elicitation: {} });
    const call = session.beginTool("ask", { kind: "elicitation", message: "?" });
    const question = await session.message("the question", isQuestion);
    const asking = childrenOf("asked").map(({ pid }) => pid);
    for (const pid of asking) process.kill(pid, "SIGKILL");
    // A legacy child owes the call its answer; a modern one owes nothing until the client has answered.
    if (era === "modern") {
      await eventually("its end", () => !childrenOf("asked").some(({ pid }) => asking.includes(pid)));
      await session.send({ id: question.id, result: { action: "accept", content: { answer: "x" } } });
    }
    expect((await session.answerTo(call)).error?.data).toMatchObject({ code: "child_exited" });
    expect(await session.tool("echo", { message: "on" })).toBe("on");
    await closeAll(session);
  });

  test("go on when it has reached its lifetime, which is theirs, too", async () => {
    const first = await open("lifetime");
    // So much later that it outlives the child, and its own end is not near yet.
    await Bun.sleep(600);
    const second = await open("lifetime");
    await second.request("resources/subscribe", { uri: NOTE });
    await first.ended;
    for (let n = 0; n < 10; n++) expect(await second.tool("echo", { message: "on" })).toBe("on");
    await second.ended;
    await quiet(proxy);
  });

  test("leave it warm for timeouts.warm, for the next session", async () => {
    const first = await open("warm");
    await first.tool("echo");
    const [child] = childrenOf("warm");
    await first.close();
    const second = await open("warm");
    expect(childrenOf("warm").map(({ pid }) => pid)).toEqual([child?.pid ?? 0]);
    await second.close();
    expect(childrenOf("warm").length).toBe(1);
    await quiet(proxy);
  });

  test("end with what was theirs taken back: their calls, questions and subscriptions", async () => {
    const [leaving, staying] = await Promise.all([open("taken back"), open("taken back")]);
    const tag = `left ${era} ${transport}`;
    await leaving.request("resources/subscribe", { uri: NOTE });
    leaving.beginTool("slow", { ms: 20_000, tag });
    await proxy.log.until("the call to run", ({ stderr }) => stderr === `started ${tag}`);
    await leaving.close();
    await proxy.log.until("the call to be cancelled", ({ stderr }) => stderr === `cancelled ${tag}`);
    await staying.tool("touch", { uri: NOTE });
    expect([count(leaving, updated), count(staying, updated)]).toEqual([0, 0]);
    expect(await staying.tool("echo", { message: "on" })).toBe("on");
    await closeAll(staying);
  });

  test("get crash_loop and not start after start when it dies again and again", async () => {
    const session = await open("loop");
    let error: Message["error"];
    for (let n = 0; n < 6 && error?.data?.["code"] !== "crash_loop"; n++)
      error = (await session.answerTo(session.beginTool("crash"))).error;
    expect(error?.data?.["code"]).toBe("crash_loop");
    await closeAll(session);
  });
});
