import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { openLegacy } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        legacy: fixture("era/scripted", ["legacy", ""]),
        modern: fixture("era/scripted", ["modern", ""]),
      },
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(() => proxy.stop());

/** Has the call answered with these members. */
const answered = (members: string): object => ({ lines: [`{"jsonrpc":"2.0","id":$ID,${members}}`], held: true });

describe("a modern client of a legacy server", () => {
  test.each(['{"elicitations":[]}', '{"elicitations":[{"mode":"url"}]}', "{}", "null"])(
    "is never told to visit URLs by an error that names none: %s",
    async (data) => {
      const error = `"error":{"code":-32042,"message":"visit","data":${data}}`;
      const { answer } = await callStateless(proxy, "legacy", {
        method: "tools/call",
        params: { name: "say", arguments: answered(error) },
        capabilities: { elicitation: { url: {} } },
      });
      expect(answer.error).toMatchObject({ code: -32603, message: "visit" });
    },
  );

  test("is not shown a form when it can only be sent to URLs", async () => {
    const ask = {
      jsonrpc: "2.0",
      id: "q",
      method: "elicitation/create",
      params: { message: "?", requestedSchema: {} },
    };
    const { answer } = await callStateless(proxy, "legacy", {
      method: "tools/call",
      params: { name: "say", arguments: { lines: [JSON.stringify(ask)], held: true } },
      capabilities: { elicitation: { url: {} } },
    });
    expect(answer.error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { elicitation: { form: {} } } },
    });
  });
});

describe.each(TRANSPORTS)("a legacy client of a modern server over %s", (transport) => {
  test("gets an error for a result of a type that it does not know", async () => {
    const session = await openLegacy(proxy, transport, "modern");
    const { result, error } = await session.answerTo(
      session.beginTool("say", answered('"result":{"resultType":"task","task":{"taskId":"1"}}')),
    );
    expect([result, error?.code]).toEqual([undefined, -32603]);
    expect(error?.message).toContain('"task"');
    await session.close();
  });

  test("is not asked for what it has not declared, and is told what that is", async () => {
    const session = await openLegacy(proxy, transport, "modern", { capabilities: { elicitation: {} } });
    const wanted = '{"a":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}}';
    const { error } = await session.answerTo(
      session.beginTool("say", answered(`"result":{"resultType":"input_required","inputRequests":${wanted}}`)),
    );
    expect(error).toMatchObject({ code: -32603, data: { requiredCapabilities: { sampling: {} } } });
    expect(session.messages().filter(({ method, id }) => method !== undefined && id !== undefined)).toEqual([]);
    await session.close();
  });

  test("has its call sent once when the server wants to be asked again, but gives no state", async () => {
    const session = await openLegacy(proxy, transport, "modern");
    const none = answered('"result":{"resultType":"input_required","requestState":null}');
    expect((await session.answerTo(session.beginTool("say", none))).error?.code).toBe(-32603);
    const { received } = (await session.request("tools/call", { name: "received" })).result ?? {};
    const calls = (received as readonly string[]).filter((line) => line.includes('"requestState\\":null'));
    expect(calls.length).toBe(1);
    await session.close();
  });
});
