import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Client as ModernClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as LegacyStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

// A process starts for each test, on a machine that may be busy.
setDefaultTimeout(60_000);

const DEMO = new URL("../../src/commands/demo.ts", import.meta.url).pathname;
const COMMAND = {
  command: process.execPath,
  args: ["-e", `await (await import(${JSON.stringify(DEMO)})).runDemo()`],
  env: { PATH: process.env["PATH"] ?? "", MCP_SSE_PROXY_CLIENT_VARIABLES: "API_KEY,REGION", API_KEY: "hidden-value" },
};
const CLIENT = { name: "demo-test", version: "1.0.0" };

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

async function legacyClient(): Promise<LegacyClient> {
  const client = new LegacyClient(CLIENT);
  open.push(client);
  await client.connect(new LegacyStdio(COMMAND));
  return client;
}

async function modernClient(): Promise<ModernClient> {
  const client = new ModernClient(CLIENT, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  open.push(client);
  await client.connect(new ModernStdio(COMMAND));
  return client;
}

interface Call {
  name: string;
  arguments: Record<string, unknown>;
}
interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (update: unknown) => void;
}

/** The two clients take the options of a call in different places. `wire` is all that came from the server, as it came. */
async function connectLegacy() {
  const client = await legacyClient();
  const wire: unknown[] = [];
  const { transport } = client;
  const deliver = transport?.onmessage;
  if (transport !== undefined) {
    transport.onmessage = (message, extra) => {
      wire.push(message);
      deliver?.(message, extra);
    };
  }
  return { client, wire, callTool: (call: Call, options?: CallOptions) => client.callTool(call, undefined, options) };
}

async function connectModern() {
  const client = await modernClient();
  const wire: unknown[] = [];
  const { transport } = client;
  const deliver = transport?.onmessage;
  if (transport !== undefined) {
    transport.onmessage = (message, extra) => {
      wire.push(message);
      deliver?.(message, extra);
    };
  }
  return { client, wire, callTool: (call: Call, options?: CallOptions) => client.callTool(call, options) };
}

const clients: [era: string, connect: typeof connectLegacy | typeof connectModern][] = [
  ["a legacy client", connectLegacy],
  ["a modern client", connectModern],
];

describe.each(clients)("the demo server and %s", (_era, connect) => {
  test("lists its tools, resources and prompt", async () => {
    const { client } = await connect();
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["echo", "add", "slow", "env"]);
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual(["demo://about", "demo://calls"]);
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(["greeting"]);
  });

  test("echo answers with the message", async () => {
    const { callTool } = await connect();
    const message = "grüße \u2028 \u{1F980} \r\n";
    const result = await callTool({ name: "echo", arguments: { message } });
    expect(result.content).toEqual([{ type: "text", text: message }]);
  });

  test("add answers with the sum, as text and as structured content", async () => {
    const { callTool } = await connect();
    const result = await callTool({ name: "add", arguments: { a: 2, b: 40.5 } });
    expect(result.content).toEqual([{ type: "text", text: "42.5" }]);
    expect(result.structuredContent).toEqual({ sum: 42.5 });
  });

  test("wrong arguments are an error, and the connection goes on", async () => {
    const { callTool } = await connect();
    const result = await callTool({ name: "add", arguments: { a: "two" } });
    expect(result.isError).toBe(true);
    const next = await callTool({ name: "echo", arguments: { message: "still here" } });
    expect(next.content).toEqual([{ type: "text", text: "still here" }]);
  });

  test("env names the client's variables and never shows a value", async () => {
    const { callTool } = await connect();
    const result = await callTool({ name: "env", arguments: {} });
    expect(result.structuredContent).toEqual({ names: ["API_KEY", "REGION"] });
    expect(JSON.stringify(result)).not.toContain("hidden-value");
  });

  test("the resources can be read, and demo://calls counts the calls", async () => {
    const { client, callTool } = await connect();
    expect(JSON.stringify(await client.readResource({ uri: "demo://about" }))).toContain("demo server");
    await callTool({ name: "echo", arguments: { message: "one" } });
    const { contents } = await client.readResource({ uri: "demo://calls" });
    expect(contents).toEqual([
      { uri: "demo://calls", mimeType: "application/json", text: '{"answered":1,"running":0}' },
    ]);
  });

  test("the prompt carries its argument", async () => {
    const { client } = await connect();
    const { messages } = await client.getPrompt({ name: "greeting", arguments: { name: "Ada" } });
    expect(messages).toEqual([
      { role: "user", content: { type: "text", text: "Greet Ada in one friendly sentence." } },
    ]);
  });

  test("slow refuses to run for longer than its bound", async () => {
    const { callTool } = await connect();
    const result = await callTool({ name: "slow", arguments: { durationMs: 86_400_000 } });
    expect(result.isError).toBe(true);
  });
});

const THREE_STEPS = { name: "slow", arguments: { durationMs: 30, steps: 3 } };
const LONG = { name: "slow", arguments: { durationMs: 100_000, steps: 1000 } };
const progressNotification = (progress: number) => ({
  method: "notifications/progress",
  params: { progress, total: 3, message: `Step ${progress} of 3` },
});
const logNotification = (step: number) => ({
  method: "notifications/message",
  params: { level: "info", logger: "slow", data: `Step ${step} of 3` },
});

// Read off the wire: the clients themselves may drop the last progress when it comes in one read with the result.
describe("slow", () => {
  test("reports progress and log messages to a legacy client, then answers", async () => {
    const { wire, callTool } = await connectLegacy();
    await callTool(THREE_STEPS, { onprogress: () => {} });
    const steps = [1, 2, 3].flatMap((step) => [progressNotification(step), logNotification(step)]);
    expect(wire).toMatchObject([...steps, { result: { content: [{ text: "Took 30 ms in 3 steps." }] } }]);
  });

  test("sends no progress that was not asked for, and no log message below the level that a legacy client set", async () => {
    const { client, wire, callTool } = await connectLegacy();
    await client.setLoggingLevel("error");
    wire.length = 0;
    await callTool(THREE_STEPS);
    expect(wire).toMatchObject([{ result: {} }]);
  });

  test("reports progress to a modern client, and log messages when the request asks for them", async () => {
    const { client, wire, callTool } = await connectModern();
    await callTool(THREE_STEPS, { onprogress: () => {} });
    expect(wire).toMatchObject([...[1, 2, 3].map(progressNotification), { result: {} }]);
    wire.length = 0;
    await client.callTool({ ...THREE_STEPS, _meta: { "io.modelcontextprotocol/logLevel": "info" } });
    expect(wire).toMatchObject([...[1, 2, 3].map(logNotification), { result: {} }]);
  });

  test.each(clients)("stops when %s cancels it", async (_era, connect) => {
    const { client, callTool } = await connect();
    const controller = new AbortController();
    let steps = 0;
    const onprogress = () => {
      steps++;
      if (steps === 2) controller.abort();
    };
    await expect(callTool(LONG, { signal: controller.signal, onprogress })).rejects.toThrow();
    expect(steps).toBe(2);
    const calls = async () => JSON.stringify((await client.readResource({ uri: "demo://calls" })).contents);
    // The cancellation and this question may cross; a call that goes on runs into the test's time limit here.
    while ((await calls()).includes('"running\\":1')) await Bun.sleep(5);
    expect(await calls()).toContain('{\\"answered\\":0,\\"running\\":0}');
  });
});

describe("a subscription to demo://calls", () => {
  test("tells a legacy client of each call until it unsubscribes", async () => {
    const client = await legacyClient();
    const updated: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updated.push(params.uri);
    });
    const call = () => client.callTool({ name: "echo", arguments: { message: "x" } });
    await call();
    expect(updated).toEqual([]);
    await client.subscribeResource({ uri: "demo://calls" });
    await call();
    expect(updated).toEqual(["demo://calls"]);
    await client.unsubscribeResource({ uri: "demo://calls" });
    await call();
    expect(updated).toEqual(["demo://calls"]);
  });

  test("of a resource that does not exist is refused", async () => {
    const client = await legacyClient();
    await expect(client.subscribeResource({ uri: "demo://nothing" })).rejects.toThrow("demo://nothing");
  });

  test("tells a modern client of each call while it listens", async () => {
    const client = await modernClient();
    const updated: string[] = [];
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      updated.push(params.uri);
    });
    const call = () => client.callTool({ name: "echo", arguments: { message: "x" } });
    await call();
    expect(updated).toEqual([]);
    await client.listen({ resourceSubscriptions: ["demo://calls"] });
    await call();
    expect(updated).toEqual(["demo://calls"]);
  });
});

test("the process ends with status 0 when stdin ends, also in the middle of a call", async () => {
  const child = Bun.spawn([COMMAND.command, ...COMMAND.args], { env: COMMAND.env, stdin: "pipe", stderr: "pipe" });
  const initialize = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: CLIENT,
  };
  for (const message of [
    { jsonrpc: "2.0", id: 1, method: "initialize", params: initialize },
    { jsonrpc: "2.0", method: "notifications/initialized" },
    { jsonrpc: "2.0", id: 2, method: "tools/call", params: { ...LONG, _meta: { progressToken: 1 } } },
  ]) {
    child.stdin.write(`${JSON.stringify(message)}\n`);
  }
  child.stdin.flush();
  let output = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (output.includes("notifications/progress")) child.stdin.end();
  }
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stderr).text()).toBe("");
  expect(output).not.toContain('"id":2');
});
