import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { type LegacySession, openLegacy, textOf } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const KINDS = ["modern", "shared legacy", "shared modern"] as const;
const CASES = KINDS.flatMap((kind) => TRANSPORTS.map((transport) => [kind, transport] as const));
const capabilities = { elicitation: {}, sampling: {}, roots: {} };

let proxy: TestProxy;
beforeAll(async () => {
  const shared = { isolation: "shared" };
  proxy = await startProxy({
    config: {
      mcpServers: {
        modern: fixture("era-modern"),
        "shared legacy": fixture("era-legacy", [], shared),
        "shared modern": fixture("era-modern", ["shared"], shared),
      },
      timeouts: { warm: 0 },
    },
  });
});
afterAll(() => proxy.stop());

const accept = (answer: unknown) => ({ result: { action: "accept", content: { answer } } });
const isQuestion = ({ id, method }: Message): boolean => id !== undefined && method !== undefined;
const questions = (session: LegacySession): readonly Message[] => session.messages().filter(isQuestion);
const textOfQuestion = ({ params }: Message): string => String(params?.["message"] ?? "");

describe.each(CASES)("a session with a %s server over %s", (kind, transport) => {
  const open = (answer?: (question: Message) => object | undefined) =>
    openLegacy(proxy, transport, kind, { capabilities, ...(answer && { answer }) });

  test("has its client asked as a legacy server asks, and hands the answers over as they are", async () => {
    const roots = { roots: [{ uri: "file:///x", name: "x" }] };
    const completion = { role: "assistant", content: { type: "text", text: "hé" }, model: "m" };
    const session = await open(({ method, params }) => {
      if (method === "roots/list") return { result: roots };
      if (method === "sampling/createMessage") return { result: completion };
      return accept(params?.["message"]);
    });
    const elicited = await session.tool("ask", { kind: "elicitation", message: "who?" });
    expect(JSON.parse(elicited)).toEqual({ action: "accept", content: { answer: "who?" } });
    expect(questions(session)[0]).toMatchObject({
      method: "elicitation/create",
      params: { message: "who?", requestedSchema: { type: "object", required: ["answer"] } },
    });
    expect(JSON.parse(await session.tool("ask", { kind: "sampling", message: "what?" }))).toEqual(completion);
    expect(JSON.parse(await session.tool("ask", { kind: "roots" }))).toEqual(roots);
    expect(questions(session).length).toBe(3);
    await session.close();
    await quiet(proxy);
  });

  test("plays as many rounds as the server wants", async () => {
    let round = 0;
    const session = await open(() => accept(++round));
    const text = await session.tool("ask", { kind: "elicitation", message: "again?", times: 5 });
    expect(JSON.parse(text).map((said: { content: { answer: number } }) => said.content.answer)).toEqual([
      1, 2, 3, 4, 5,
    ]);
    expect(new Set(questions(session).map(({ id }) => id)).size).toBe(5);
    await session.close();
  });

  test("keeps the questions of calls at once apart, whatever the order of the answers", async () => {
    const session = await open();
    const calls = ["a", "b", "c"].map((message) => session.beginTool("ask", { kind: "elicitation", message }));
    await session.message("three questions", () => questions(session).length === 3);
    for (const question of questions(session).toReversed())
      await session.send({ id: question.id, ...accept(textOfQuestion(question)) });
    for (const [index, message] of ["a", "b", "c"].entries()) {
      const text = textOf(await session.answerTo(calls[index] ?? ""));
      expect(JSON.parse(text).content.answer).toBe(message);
    }
    await session.close();
  });

  test("tells the server of a refusal, and stays usable", async () => {
    const session = await open(() => ({ error: { code: -1, message: "User said no", data: { why: "no" } } }));
    const elicited = await session.answerTo(session.beginTool("ask", { kind: "elicitation", message: "?" }));
    if (kind === "shared legacy") expect(JSON.parse(textOf(elicited))).toMatchObject({ code: -1 });
    else expect(JSON.parse(textOf(elicited))).toEqual({ action: "cancel" });
    const sampled = await session.answerTo(session.beginTool("ask", { kind: "sampling", message: "?" }));
    // A modern server cannot be told, so that whoever called is.
    if (kind === "shared legacy") expect(JSON.parse(textOf(sampled))).toMatchObject({ data: { why: "no" } });
    else expect(sampled.error?.data?.["clientError"]).toMatchObject({ code: -1, data: { why: "no" } });
    expect(await session.tool("echo", { message: "on" })).toBe("on");
    await session.close();
  });

  test("takes its question back when the call is cancelled, however often", async () => {
    const session = await open();
    for (let n = 1; n <= 3; n++) {
      const call = session.beginTool("ask", { kind: "elicitation", message: `${n}` });
      const question = await session.message("the question", (found) => textOfQuestion(found) === `${n}`);
      await session.send({ method: "notifications/cancelled", params: { requestId: call } });
      const isTakenBack = ({ method, params }: Message): boolean =>
        method === "notifications/cancelled" && params?.["requestId"] === question.id;
      await session.message("the withdrawal", isTakenBack);
      // Too late: nobody takes it any more.
      await session.send({ id: question.id, ...accept("late") });
    }
    expect(await session.tool("echo", { message: "on" })).toBe("on");
    await session.close();
    await quiet(proxy);
  });

  test("mixes up no ids: its client's own are in the other direction", async () => {
    const session = await open();
    const call = session.beginTool("ask", { kind: "elicitation", message: "?" });
    const { id = null } = await session.message("the question", isQuestion);
    session.begin("tools/call", { name: "echo", arguments: { message: "same id" } }, id ?? "");
    const isEcho = (found: Message): boolean => found.id === id && found.result !== undefined;
    expect(textOf(await session.message("the answer to the client's own", isEcho))).toBe("same id");
    // Answers to what was never asked, and the same answer twice.
    await session.send({ id: "mcp-sse-proxy-99", ...accept("foreign") });
    await session.send({ id: 1, ...accept("foreign") });
    await session.send({ id, ...accept("right") });
    await session.send({ id, ...accept("twice") });
    expect(JSON.parse(textOf(await session.answerTo(call))).content.answer).toBe("right");
    await session.close();
  });

  test("asks nobody but the client of the call", async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => open((question) => accept(`${textOfQuestion(question)}!`))));
    const asking = sessions.map((session, n) =>
      Promise.all([1, 2].map((call) => session.tool("ask", { kind: "elicitation", message: `${n}-${call}` }))),
    );
    for (const [n, texts] of (await Promise.all(asking)).entries())
      expect(texts.map((text) => JSON.parse(text).content.answer)).toEqual([`${n}-1!`, `${n}-2!`]);
    for (const [n, session] of sessions.entries())
      expect(questions(session).map(textOfQuestion).sort()).toEqual([`${n}-1`, `${n}-2`]);
    for (const session of sessions) await session.close();
    await quiet(proxy);
  });

  test("asks nothing of a client that cannot be asked", async () => {
    const session = await openLegacy(proxy, transport, kind);
    const { result, error } = await session.answerTo(session.beginTool("ask", { kind: "sampling", message: "?" }));
    expect(result?.["isError"] ?? error?.code).toBe(kind === "shared legacy" ? true : -32021);
    expect(questions(session)).toEqual([]);
    await session.close();
  });

  test("serves others while more clients think about their answers than there are places to wait", async () => {
    const thinking = await open();
    for (let n = 0; n < 12; n++) thinking.beginTool("ask", { kind: "elicitation", message: `${n}` });
    await thinking.message("twelve questions", () => questions(thinking).length === 12);
    const other = await open(() => accept("quick"));
    expect(JSON.parse(await other.tool("ask", { kind: "elicitation", message: "?" })).content.answer).toBe("quick");
    await other.close();
    await thinking.close();
    await quiet(proxy);
  });
});
