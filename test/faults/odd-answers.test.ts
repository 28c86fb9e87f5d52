import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { converse } from "../support/conversation.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, type ServerEntry } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";
import { callStateless } from "../support/stateless.ts";

// What a server writes that is not quite an answer: it is taken for what it can only mean, or its request fails at once.

setDefaultTimeout(TEST_MS);

const CALL = { name: "echo", arguments: { message: "hi" } };

/** Kinds of output that are answers all the same, with the text that arrives. */
const understood: readonly (readonly [string, string])[] = [
  ["id-twin", "hi"],
  ["id-float", "hi"],
  ["null-error", "hi"],
  ["latin1", "caf\ufffd hi"],
  ["utf16", "hi"],
  ["bom", "hi"],
  ["no-version", "hi"],
  ["nan", "hi"],
  ["prefix", "hi"],
  ["colour", "hi"],
  ["pretty", "hi"],
  ["raw-newline", "one\ntwo hi"],
  ["array", "hi"],
  ["one-line", "hi"],
  ["no-newline", "hi"],
  ["no-newline-exit", "hi"],
];

/** Kinds of output that are errors of the server's own, with code and message as they arrive. */
const errors: readonly (readonly [string, number, string])[] = [
  ["null-result", -32004, "not now"],
  ["error-text", -32603, "boom"],
  ["error-code-text", -32004, "not now"],
  ["id-null", -32603, "boom"],
  ["unread", -32700, "Parse error"],
];

/** Kinds of output that nobody can use, with what the client is told of them. */
const useless: readonly (readonly [string, string])[] = [
  ["broken", "it is no valid JSON"],
  ["cut", "it is no valid JSON"],
  ["neither", "exactly one of result and error"],
  ["both", "exactly one of result and error"],
  ["twice-result", "comes twice"],
  ["printed", "it is no valid JSON"],
  ["id-missing", "no id"],
];

/** Those that are understood wherever they come, in the handshake too. */
const everywhere = ["id-twin", "null-error", "utf16", "bom", "no-version", "pretty", "colour", "no-newline", "array"];

const kinds = [...understood, ...errors, ...useless].map(([kind]) => kind);

let proxy: TestProxy;
beforeAll(async () => {
  const mcpServers: Record<string, ServerEntry> = {};
  for (const kind of kinds) {
    mcpServers[kind] = fixture("odd-output", [kind]);
    mcpServers[`${kind}-shared`] = fixture("odd-output", [kind], { isolation: "shared" });
  }
  for (const kind of everywhere) mcpServers[`${kind}-every`] = fixture("odd-output", [kind, "every"]);
  mcpServers["secret"] = fixture("odd-output", ["broken"], { clientEnv: ["API_KEY"] });
  // Long enough that whoever waits for it has not been answered.
  proxy = await startProxy({ config: { mcpServers, timeouts: { request: "10m" } } });
});
afterAll(() => proxy.stop());

type Way = (server: string) => Promise<{ readonly message: Message; readonly bytes: string }>;

function overSession(transport: "HTTP+SSE" | "Streamable HTTP"): Way {
  return async (server) => {
    const session = await converse(proxy, transport, server);
    try {
      const message = await session.request("tools/call", CALL);
      const bytes = session.payloads().map(String);
      return { message, bytes: bytes.find((text) => !text.includes('"method"')) ?? "" };
    } finally {
      await session.close();
    }
  };
}

const stateless: Way = async (server) => {
  const { answer } = await callStateless(proxy, server, { method: "tools/call", params: CALL, id: 1 });
  return { message: answer, bytes: JSON.stringify(answer) };
};

const ways: readonly (readonly [string, Way])[] = [
  ["HTTP+SSE", overSession("HTTP+SSE")],
  ["Streamable HTTP", overSession("Streamable HTTP")],
  ["Streamable HTTP on a shared child", (server) => overSession("Streamable HTTP")(`${server}-shared`)],
  ["a stateless request", stateless],
];

describe.each(ways)("over %s,", (_, call) => {
  test.each(understood)("an answer of the kind %s is the answer", async (kind, text) => {
    const { message, bytes } = await call(kind);
    expect([message.jsonrpc, message.id]).toEqual(["2.0", 1]);
    expect(message.result?.["content"]).toEqual([{ type: "text", text }]);
    expect(Object.keys(message)).not.toContain("error");
    // Some clients compare the id's text.
    expect(bytes).toMatch(/"id": ?1[,}]/);
  });

  test.each(errors)("an error of the kind %s is the error", async (kind, code, text) => {
    const { message } = await call(kind);
    expect(message.id).toBe(1);
    expect([message.error?.code, message.error?.message]).toEqual([code, text]);
    expect(Object.keys(message)).not.toContain("result");
  });

  test.each(useless)("an answer of the kind %s fails its request at once, and says why", async (kind, why) => {
    const { message } = await call(kind);
    expect(message.id).toBe(1);
    expect(message.error?.data).toMatchObject({ code: "child_bad_answer" });
    expect(message.error?.message).toContain(why);
  });
});

describe.each(ways.filter(([name]) => !name.includes("shared")))("over %s, from the handshake on,", (_, call) => {
  test.each(everywhere)("a server that writes all of its answers like %s can be used", async (kind) => {
    const { message } = await call(`${kind}-every`);
    expect(message.result?.["content"]).toEqual([{ type: "text", text: "hi" }]);
  });
});

test("the operator sees what was wrong, and neither the log nor the answer has the client's credential", async () => {
  const before = proxy.log.lines.length;
  const answer = await callStateless(proxy, "secret", {
    method: "tools/call",
    params: { ...CALL, name: "canary-5d0c7f1e" },
    id: 1,
    headers: { ENV_API_KEY: "canary-5d0c7f1e" },
  });
  expect(answer.answer.error?.message).toContain('"key":"[API_KEY]"');
  const shown = await proxy.log.until(
    "the line that was dropped",
    (line) => line["server"] === "secret" && line["reason"] === "not-json",
  );
  expect(shown["line"]).toContain('"key":"[API_KEY]"');
  expect(JSON.stringify([answer.messages, proxy.log.lines.slice(before)])).not.toContain("canary-5d0c7f1e");
});
