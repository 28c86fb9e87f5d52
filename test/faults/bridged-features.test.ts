import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../support/conversation.ts";
import { openLegacy } from "../support/legacy-session.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** The same features, on the official SDK of each era. */
const KINDS = ["modern", "shared legacy", "shared modern"] as const;
const CASES = KINDS.flatMap((kind) => TRANSPORTS.map((transport) => [kind, transport] as const));

let proxy: TestProxy;
beforeAll(async () => {
  const shared = { isolation: "shared" };
  proxy = await startProxy({
    config: {
      mcpServers: {
        modern: fixture("conformance-modern/server"),
        "shared legacy": fixture("conformance/server", [], shared),
        "shared modern": fixture("conformance-modern/server", ["shared"], shared),
      },
      timeouts: { warm: 0 },
    },
  });
});
afterAll(() => proxy.stop());

function answer({ method }: Message): object {
  if (method === "roots/list") return { result: { roots: [{ uri: "file:///r" }] } };
  if (method === "elicitation/create")
    return { result: { action: "accept", content: { name: "Ada", context: "tea" } } };
  return { result: { role: "assistant", model: "m", content: { type: "text", text: "said" } } };
}

describe.each(CASES)("a session with a %s server on the official SDK over %s", (kind, transport) => {
  test("has prompts, completions, templates and questions of several kinds", async () => {
    const capabilities = { elicitation: {}, sampling: {}, roots: {} };
    const session = await openLegacy(proxy, transport, kind, { capabilities, answer });
    expect(session.hello).toMatchObject({ capabilities: { prompts: { listChanged: true }, completions: {} } });

    const prompt = { name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } };
    expect(JSON.stringify((await session.request("prompts/get", prompt)).result)).toContain("arg1='a'");
    expect((await session.request("prompts/get", { name: "none" })).error?.code).toBe(-32602);
    const ref = { type: "ref/prompt", name: "test_prompt_with_arguments" };
    const completed = await session.request("completion/complete", { ref, argument: { name: "arg1", value: "par" } });
    expect(completed.result).toMatchObject({ completion: { values: ["paris", "park", "party"] } });
    expect((await session.request("resources/templates/list")).result).toHaveProperty("resourceTemplates");

    expect(await session.tool("test_sampling", { prompt: "?" })).toContain("said");
    if (kind !== "shared legacy") {
      const several = await session.tool("test_input_required_result_multiple_inputs");
      for (const part of ["Ada", "said", "file:///r"]) expect(several).toContain(part);
      const { result } = await session.request("prompts/get", { name: "test_input_required_result_prompt" });
      expect(JSON.stringify(result)).toContain("tea");
    }
    await session.close();
    await quiet(proxy);
  });
});
