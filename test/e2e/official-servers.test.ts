import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { commandLine, officialServer } from "../support/server-entry.ts";
import { connectFirst, connectSecond, textOf } from "./clients.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const files = realpathSync(mkdtempSync(join(tmpdir(), "mcp-sse-proxy-files-")));
writeFileSync(join(files, "greeting.txt"), "hello from a file");

const EVERYTHING = commandLine(officialServer("everything"));
const FILES = commandLine(officialServer("filesystem", [files]));

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    binary: true,
    config: {
      mcpServers: {
        everything: officialServer("everything", [], { clientEnv: "*" }),
        files: officialServer("filesystem", [files]),
        memory: officialServer("memory", [], { env: { MEMORY_FILE_PATH: join(files, "memory.jsonl") } }),
      },
      allowedCommands: [{ command: EVERYTHING, clientEnv: ["API_TOKEN"] }, FILES],
      timeouts: { gracefulStop: "3s" },
    },
  });
}, TEST_MS);
afterAll(async () => {
  await proxy.stop();
  rmSync(files, { recursive: true, force: true });
});

describe.each([
  ["SDK v1", connectFirst],
  ["SDK v2", connectSecond],
] as const)("a client of %s through the compiled proxy", (_, connect) => {
  test.each(["everything", EVERYTHING])("lists and calls tools of server-everything, as %s", async (server) => {
    const client = await connect(proxy, server);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("echo");
    expect(textOf(await client.callTool({ name: "echo", arguments: { message: "größe 🎉" } }))).toContain("größe 🎉");
    expect(textOf(await client.callTool({ name: "get-sum", arguments: { a: 2, b: 40 } }))).toContain("42");
    await client.close();
  });

  test.each(["files", FILES])("reads a file through server-filesystem, as %s", async (server) => {
    const client = await connect(proxy, server);
    const answer = await client.callTool({ name: "read_text_file", arguments: { path: join(files, "greeting.txt") } });
    expect(textOf(answer)).toContain("hello from a file");
    await client.close();
  });

  test("writes and reads a graph of server-memory", async () => {
    const client = await connect(proxy, "memory");
    const entity = { name: "proxy", entityType: "program", observations: ["passes bytes on"] };
    await client.callTool({ name: "create_entities", arguments: { entities: [entity] } });
    expect(textOf(await client.callTool({ name: "read_graph", arguments: {} }))).toContain("passes bytes on");
    await client.close();
  });

  test("reads resources and prompts", async () => {
    const client = await connect(proxy, "everything");
    const { resources } = await client.listResources();
    const [resource] = resources;
    expect((await client.readResource({ uri: resource?.uri ?? "" })).contents.length).toBeGreaterThan(0);
    const { prompts } = await client.listPrompts();
    expect(prompts.length).toBeGreaterThan(0);
    await client.close();
  });

  test("sees its own ENV_ values in the child, and not another client's", async () => {
    const clients = await Promise.all(
      ["first-value", "second-value"].map((value) => connect(proxy, EVERYTHING, { ENV_API_TOKEN: value })),
    );
    const seen = await Promise.all(clients.map((client) => client.callTool({ name: "get-env", arguments: {} })));
    expect(seen.map((answer) => JSON.parse(textOf(answer)).API_TOKEN)).toEqual(["first-value", "second-value"]);
    for (const answer of seen) expect(textOf(answer)).not.toContain(proxy.secret);
    for (const client of clients) await client.close();
  });
});

describe("between client and child", () => {
  const longRunning = { name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } };

  test("progress arrives, for SDK v1 and for SDK v2", async () => {
    // The server sends its last report and its answer in one breath, and either client may forget the handler at the answer.
    const first: number[] = [];
    const firstClient = await connectFirst(proxy, "everything");
    const onFirst = { onprogress: ({ progress }: { readonly progress: number }) => void first.push(progress) };
    expect(textOf(await firstClient.callTool(longRunning, undefined, onFirst))).toContain("completed");
    expect(first.slice(0, 2)).toEqual([1, 2]);
    await firstClient.close();
    const second: number[] = [];
    const secondClient = await connectSecond(proxy, "everything");
    const onSecond = { onprogress: ({ progress }: { readonly progress: number }) => void second.push(progress) };
    expect(textOf(await secondClient.callTool(longRunning, onSecond))).toContain("completed");
    expect(second.slice(0, 2)).toEqual([1, 2]);
    await secondClient.close();
  });

  test("every report of progress is on the stream, in order and before the answer", async () => {
    const session = await proxy.openSse("everything");
    const clientInfo = { name: "raw", version: "1.0.0" };
    await session.request("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
    await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    const id = await session.begin("tools/call", { ...longRunning, _meta: { progressToken: 7 } });
    await session.message("the answer", (message) => message.id === id);
    const seen = session.messages().filter(({ method }) => method === undefined || method === "notifications/progress");
    expect(seen.map((message) => message.params?.["progress"] ?? `answer ${message.id}`)).toEqual([
      "answer 1",
      1,
      2,
      3,
      `answer ${id}`,
    ]);
    session.close();
  });

  test("sampling, elicitation and roots go to and fro", async () => {
    const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
    const client = await connectFirst(proxy, "everything", {}, capabilities);
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: "test",
      role: "assistant" as const,
      content: { type: "text" as const, text: "sampled by the client" },
    }));
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "decline" as const }));
    client.setRequestHandler(ListRootsRequestSchema, () => ({
      roots: [{ uri: "file:///somewhere", name: "somewhere" }],
    }));
    const sampled = await client.callTool({ name: "trigger-sampling-request", arguments: { prompt: "say something" } });
    expect(textOf(sampled)).toContain("sampled by the client");
    const elicited = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
    expect(textOf(elicited)).toContain("decline");
    const roots = await client.callTool({ name: "get-roots-list", arguments: {} });
    expect(textOf(roots)).toContain("file:///somewhere");
    await client.close();
  });

  test("two clients at once never see each other's messages", async () => {
    const clients = await Promise.all([0, 1, 2].map(() => connectFirst(proxy, "everything")));
    const answers = await Promise.all(
      clients.flatMap((client, owner) =>
        Array.from({ length: 40 }, async (_, index) => {
          const message = `client ${owner} message ${index}`;
          return [message, textOf(await client.callTool({ name: "echo", arguments: { message } }))] as const;
        }),
      ),
    );
    for (const [message, answer] of answers) expect(answer).toBe(`Echo: ${message}`);
    await Promise.all(clients.map((client) => client.close()));
  });

  test("when the clients have closed, their children are gone", async () => {
    await quiet(proxy);
  });
});
