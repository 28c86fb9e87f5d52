import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { openLegacy, textOf } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";
import { hold, receivedBy, say } from "../support/streamable-puppet.ts";
import { openStreamable } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const KINDS = ["legacy", "modern", "shared legacy", "shared modern"] as const;
const capabilities = { elicitation: {}, sampling: {}, roots: {} };

let proxy: TestProxy;
beforeAll(async () => {
  // Long enough for the start and the handshake on a loaded machine, which have the same limit.
  const timeouts = { request: "4s" };
  const shared = { isolation: "shared", timeouts };
  proxy = await startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era-legacy", [], { timeouts }),
        modern: fixture("era-modern", [], { timeouts }),
        "shared legacy": fixture("era-legacy", [], shared),
        "shared modern": fixture("era-modern", ["shared"], shared),
        marker: fixture("puppet", [], { timeouts }),
        puppet: fixture("puppet"),
        "impatient puppet": fixture("puppet", [], { timeouts: { request: "20s", parked: "400ms" } }),
        "pings first": fixture("pings-first"),
      },
      timeouts: { warm: 0 },
    },
  });
});
afterAll(() => proxy.stop());

const isQuestion = ({ id, method }: Message): boolean => id !== undefined && method !== undefined;

/** Resolves when a request that was sent later than all others has run out of time, with the same limit as theirs. */
async function outlastRequest(): Promise<void> {
  const session = await openStreamable(proxy, "marker");
  const answer = await (await session.call("hold")).answer();
  expect(answer.error?.data).toMatchObject({ code: "child_timeout" });
  await session.end();
}

describe.each(KINDS.flatMap((kind) => TRANSPORTS.map((transport) => [kind, transport] as const)))(
  "a call of a %s server over %s",
  (kind, transport) => {
    test("has no time running while its client is asked, and goes on with the answer", async () => {
      const session = await openLegacy(proxy, transport, kind, { capabilities });
      const call = session.beginTool("ask", { kind: "elicitation", message: "who?" });
      const question = await session.message("the question", isQuestion);
      await outlastRequest();
      await session.send({ id: question.id, result: { action: "accept", content: { answer: "me" } } });
      const answer = await session.answerTo(call);
      expect(JSON.parse(textOf(answer)).content.answer).toBe("me");
      await session.close();
    });
  },
);

describe("a client that never answers", () => {
  test.each(["roots/list", "sampling/createMessage", "elicitation/create", "ping"])(
    "%s: delays the child for a bounded time, which then gets an error and may answer",
    async (method) => {
      const session = await openStreamable(proxy, "impatient puppet", { capabilities });
      const held = await hold(session, 1);
      await say(session, { id: "q", method });
      await held.message("the question", ({ id }) => id === "q");
      // A call of the same server, in a session of its own, that nobody's question holds up.
      const answered = async () =>
        (await receivedBy(session)).find(({ id, error }) => id === "q" && error !== undefined);
      let refusal = await answered();
      while (refusal === undefined) refusal = await answered();
      expect(refusal.error).toMatchObject({ code: -32001, message: expect.stringContaining(method) });
      if (method !== "ping") {
        const { params } = await held.message("the withdrawal", (said) => said.method === "notifications/cancelled");
        expect(params?.["requestId"]).toBe("q");
      }
      await session.end();
    },
  );

  test("a question that its program answers, does not hold up what others call", async () => {
    const session = await openStreamable(proxy, "puppet", { capabilities });
    await say(session, { id: "q", method: "roots/list" });
    expect((await session.request("ping")).result).toEqual({});
    await session.end();
  });
});

const ANSWERED = '{"jsonrpc":"2.0","id":"are you there?","result":{}}';

describe("a ping of the child", () => {
  test.each(["2025-03-26", "2025-06-18", "2025-11-25"] as const)(
    "before the answer to initialize is answered over Streamable HTTP (%s)",
    async (revision) => {
      const session = await openStreamable(proxy, "pings first", { revision });
      expect((await session.request("ping")).result).toEqual({});
      await session.end();
    },
  );

  test("with no stream there to carry it is answered by the proxy", async () => {
    const session = await openStreamable(proxy, "puppet");
    await say(session, { id: "are you there?", method: "ping" });
    // Of a client that takes no stream: what it posts meanwhile carries nothing.
    const received = '{"jsonrpc":"2.0","id":1,"method":"received"}';
    const seen = async () => (await (await session.post(received, { Accept: "application/json" })).answer()).result;
    await eventually("the answer", async () => JSON.stringify(await seen()).includes(ANSWERED));
    await session.end();
  });

  test("goes to a client that has a stream for it", async () => {
    const session = await openStreamable(proxy, "puppet");
    const stream = await session.listen();
    await say(session, { id: "are you there?", method: "ping" });
    await stream.message("the ping", ({ method }) => method === "ping");
    await session.end();
  });
});
