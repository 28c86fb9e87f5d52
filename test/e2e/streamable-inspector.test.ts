import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proxyBinary } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { startRelay } from "../support/relay.ts";
import { fixture, officialServer } from "../support/server-entry.ts";
import type { Endpoint } from "../support/streamable-clients.ts";
import { connectInspector, inspectorCli } from "../support/streamable-programs.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const home = mkdtempSync(join(tmpdir(), "mcp-inspector-"));

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    binary: true,
    config: {
      mcpServers: {
        demo: { command: proxyBinary(), args: ["demo"] },
        everything: officialServer("everything"),
        asks: fixture("asks-client"),
      },
    },
  });
}, TEST_MS);
afterAll(async () => {
  await proxy.stop();
  rmSync(home, { recursive: true, force: true });
});

function endpoint(server: string, port = proxy.port): Endpoint {
  return { url: `http://127.0.0.1:${port}/${server}/mcp`, headers: { Authorization: `Bearer ${proxy.secret}` } };
}

/** The parsed result of one method. */
async function ask(server: string, ...words: readonly string[]): Promise<object> {
  await using cli = inspectorCli(endpoint(server), home, words);
  return JSON.parse(await cli.result()).result;
}

describe("MCP Inspector's CLI, through the compiled proxy", () => {
  test.each(["legacy", "auto"])("lists and calls tools, in the era %s", async (era) => {
    const { tools } = (await ask("demo", "--method", "tools/list", "--protocol-era", era)) as { tools: object[] };
    expect(tools).toContainEqual(expect.objectContaining({ name: "slow" }));
    const words = ["--method", "tools/call", "--tool-name", "get-sum", "--tool-args-json", '{"a":2,"b":40}'];
    expect(JSON.stringify(await ask("everything", ...words, "--protocol-era", era))).toContain("42");
  });

  test("waits for a slow call, reads a resource, gets a prompt and sets the log level", async () => {
    const words = ["--method", "tools/call", "--tool-name", "slow", "--tool-args-json", '{"durationMs":600,"steps":3}'];
    expect(JSON.stringify(await ask("demo", ...words))).toContain("in 3 steps");
    expect(JSON.stringify(await ask("demo", "--method", "resources/read", "--uri", "demo://about"))).toContain("echo");
    const prompt = ["--method", "prompts/get", "--prompt-name", "greeting", "--prompt-args", "name=Ada"];
    expect(JSON.stringify(await ask("demo", ...prompt))).toContain("Greet Ada");
    expect(await ask("demo", "--method", "logging/setLevel", "--log-level", "warning")).toEqual({});
  });

  test("is told why, when the secret is wrong", async () => {
    const { url } = endpoint("demo");
    const wrong = { url, headers: { Authorization: "Bearer wrong-wrong-wrong-wrong-wrong-wrong" } };
    await using cli = inspectorCli(wrong, home, ["--stored-auth-only", "--method", "tools/list"]);
    await expect(cli.result()).rejects.toThrow(/401|auth/i);
  });
});

// Neither of its command lines has a model to offer, so sampling is left to the other clients.
describe("MCP Inspector's lasting connections, through the compiled proxy", () => {
  test("a user answers, roots are set, log messages and updates come, and a cut connection costs no result", async () => {
    await using relay = await startRelay(proxy.port);
    await using inspector = await connectInspector(
      { demo: endpoint("demo", relay.port), asks: endpoint("asks") },
      home,
    );

    const { elicitationPending } = JSON.parse(await inspector.command("asks", "tools/call", "ask-user").result());
    expect(elicitationPending.message).toBe("Who are you?");
    const answer = inspector.command("asks", "elicitation/respond", elicitationPending.elicitationId, "name:=Ada");
    expect(await answer.result()).toContain("accept: Ada");

    await inspector.command("asks", "roots/set", "--roots-json", '[{"uri":"file:///engine"}]').result();
    expect(await inspector.command("asks", "tools/call", "ask-roots").result()).toContain("file:///engine");

    await using log = inspector.command("demo", "logging/tail");
    await using updates = inspector.command("demo", "resources/subscribe", "demo://calls");
    await eventually("the subscription", () => updates.output().includes("subscribed"));
    // Nothing says when the tail has begun, so calls are made until it shows one.
    await eventually("a log message", async () => {
      await inspector.command("demo", "tools/call", "slow", "durationMs:=10", "steps:=1").result();
      return log.output().includes("Step 1 of 1");
    });
    await eventually("an update", () => updates.output().includes("updated"));

    const slow = inspector.command("demo", "tools/call", "slow", "durationMs:=3000", "steps:=6");
    await eventually("the call's beginning", () => log.output().includes("Step 2 of 6"));
    relay.cut();
    expect(await slow.result()).toContain("in 6 steps");
    expect(await inspector.command("demo", "tools/call", "echo", "message:=again").result()).toContain("again");
  });
});
