import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, type StatelessAnswer, type StatelessCall } from "../support/stateless.ts";
import { postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
let otherInstance: TestProxy;
beforeAll(async () => {
  const entry = fixture("era-legacy", [], { clientEnv: ["SHAPE"] });
  const config = {
    mcpServers: { server: entry, twin: entry, modern: fixture("era-modern") },
    timeouts: { parked: "1m" },
  };
  [proxy, otherInstance] = await Promise.all([startProxy({ config }), startProxy({ config })]);
});
afterAll(async () => {
  await Promise.all([proxy.stop(), otherInstance.stop()]);
});

const call = (message: string, headers: Readonly<Record<string, string>> = {}): StatelessCall => ({
  method: "tools/call",
  params: { name: "ask", arguments: { kind: "elicitation", message, times: 1 } },
  capabilities: { elicitation: {} },
  headers,
});

const ask = async (server: string, asking: StatelessCall, where = proxy): Promise<string> => {
  const { answer } = await callStateless(where, server, asking);
  const state = answer.result?.["requestState"];
  if (typeof state !== "string") throw new Error(JSON.stringify(answer));
  return state;
};

const retry = (first: StatelessCall, requestState: unknown): StatelessCall => ({
  ...first,
  params: { ...first.params, inputResponses: { "elicitation-1": { said: "yes" } }, requestState },
});

const expectRefusal = ({ status, answer }: StatelessAnswer, code = "request_state_refused"): void => {
  expect(status).toBe(400);
  expect(answer.error).toMatchObject({ code: -32602, data: { code } });
};

/** The call that it was made for still goes on with it: whatever was tried before has not used it up. */
const expectGood = async (first: StatelessCall, state: string): Promise<void> => {
  const { answer } = await callStateless(proxy, "server", retry(first, state));
  expect(answer.result?.["content"]).toEqual([{ type: "text", text: '{"said":"yes"}' }]);
};

describe("a requestState", () => {
  test("that was changed by a single bit is refused, wherever the bit is", async () => {
    const first = call("bits");
    const state = await ask("server", first);
    const prefix = state.lastIndexOf(".") + 1;
    const places = [0, prefix, prefix + 5, prefix + 30, state.length - 30, state.length - 2, state.length - 1];
    for (const place of places) {
      const changed = state.slice(0, place) + (state[place] === "A" ? "B" : "A") + state.slice(place + 1);
      expectRefusal(await callStateless(proxy, "server", retry(first, changed)));
    }
    await expectGood(first, state);
  });

  test.each([
    ["cut short", (state: string) => state.slice(0, -8)],
    ["padded", (state: string) => `${state}=`],
    ["followed by a space", (state: string) => `${state} `],
    ["twice as long", (state: string) => state + state],
    ["endless", (state: string) => state.padEnd(100_000, "A")],
    ["the prefix alone", (state: string) => state.slice(0, state.lastIndexOf(".") + 1)],
    ["empty", () => ""],
    ["somebody else's", () => "eyJhbnN3ZXJzIjpbXX0"],
    ["a number", () => 1],
    ["an object", () => ({ __proto__: null })],
  ])("that is %s is refused", async (_, spoil) => {
    const first = call("spoilt");
    const state = await ask("server", first);
    const spoilt = spoil(state);
    // What is no text is a mistake in the request's form, before anybody looks for what it stands for.
    const code = typeof spoilt === "string" ? "request_state_refused" : "invalid_params";
    expectRefusal(await callStateless(proxy, "server", retry(first, spoilt)), code);
    await expectGood(first, state);
  });

  test("that is null is none, as some clients write out what is empty", async () => {
    const first = call("null");
    const { answer } = await callStateless(proxy, "server", retry(first, null));
    expect(answer.result).toMatchObject({ resultType: "input_required" });
  });

  test.each([
    ["a server of another name, with the same command", "twin", call("foreign")],
    ["another client variable", "server", call("foreign", { ENV_SHAPE: "other" })],
    ["another argument", "server", call("other")],
    [
      "an argument more",
      "server",
      {
        ...call("foreign"),
        params: { name: "ask", arguments: { kind: "elicitation", message: "foreign", times: 1, more: [] } },
      },
    ],
    ["another tool", "server", { ...call("foreign"), params: { ...call("foreign").params, name: "echo" } }],
    ["another method", "server", { ...call("foreign"), method: "prompts/get" }],
    ["a method that never asks", "server", { ...call("foreign"), method: "tools/list" }],
  ] as const)("is worth nothing for %s", async (_, server, other: StatelessCall) => {
    const first = call("foreign");
    const state = await ask("server", first);
    expectRefusal(await callStateless(proxy, server, retry(other, state)));
    await expectGood(first, state);
  });

  test("tells an object from an array of pairs, and an empty object from an empty array", async () => {
    const pairs: readonly (readonly [unknown, unknown])[] = [
      [{ a: 1 }, [["a", 1]]],
      [{}, []],
    ];
    for (const [object, array] of pairs) {
      const with_ = (more: unknown): StatelessCall => ({
        ...call("shapes"),
        params: { name: "ask", arguments: { kind: "elicitation", message: "shapes", more } },
      });
      const state = await ask("server", with_(object));
      expectRefusal(await callStateless(proxy, "server", retry(with_(array), state)));
      await expectGood(with_(object), state);
    }
  });

  test("of another instance is refused, and works there", async () => {
    const first = call("elsewhere");
    const state = await ask("server", first, otherInstance);
    expectRefusal(await callStateless(proxy, "server", retry(first, state)));
    const { answer } = await callStateless(otherInstance, "server", retry(first, state));
    expect(answer.result).toHaveProperty("content");
  });

  test("is good for one retry, also when several come at once", async () => {
    const first = call("once");
    const state = await ask("server", first);
    const retries = await Promise.all(
      Array.from({ length: 10 }, () => callStateless(proxy, "server", retry(first, state))),
    );
    const refused = retries.filter(({ status }) => status !== 200);
    expect(refused.length).toBe(9);
    for (const one of refused) expectRefusal(one);
    expectRefusal(await callStateless(proxy, "server", retry(first, state)));
  });

  test("does not care for the order of the arguments' names, for spacing, or for what _meta says", async () => {
    const first = {
      ...call("order"),
      params: {
        name: "ask",
        arguments: { kind: "elicitation", message: "order", deep: { x: 1, y: [{ b: 1, a: 2 }] } },
      },
    };
    const state = await ask("server", first);
    const meta = `{"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"io.modelcontextprotocol/protocolVersion":"2026-07-28","x":1}`;
    const args = `{ "deep":{"y":[{"a":2,"b":1}], "x":1.0},"message":"or\\u0064er","kind":"elicitation"}`;
    const params = `{"requestState":${JSON.stringify(state)},"arguments":${args},"_meta":${meta},"inputResponses":{"elicitation-1":{"n":9007199254740993,"n":1}},"name":"ask"}`;
    const { status, payloads } = await postTo(
      proxy,
      "server",
      `{"params":${params},"id":"r","method":"tools/call","jsonrpc":"2.0"}`,
      { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "ask" },
    );
    expect(status).toBe(200);
    expect(payloads()[0]?.toString()).toContain('{\\"n\\":1}');
  });

  test("of a modern server passes through untouched, but none that pretends to be the proxy's", async () => {
    const first = call("modern");
    const asked = await callStateless(proxy, "modern", first);
    const requestState = asked.answer.result?.["requestState"];
    const params = { ...first.params, inputResponses: { answer: { said: 1 } }, requestState };
    const { answer } = await callStateless(proxy, "modern", { ...first, params });
    expect(answer.result?.["content"]).toEqual([{ type: "text", text: '{"said":1}' }]);
    const state = await ask("server", call("mixed up"));
    expectRefusal(await callStateless(proxy, "modern", retry(call("mixed up"), state)));
  });
});
