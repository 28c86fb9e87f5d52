import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proxyBinary } from "../support/binary.ts";
import { eventually, within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { startRelay } from "../support/relay.ts";
import { fixture, officialServer } from "../support/server-entry.ts";
import { ANSWERS, connectFirstOverHttp, connectSecondAs, type Endpoint } from "../support/streamable-clients.ts";
import { connectThroughMcpRemote } from "../support/streamable-programs.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const home = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-home-"));

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    binary: true,
    config: {
      mcpServers: {
        demo: { command: proxyBinary(), args: ["demo"] },
        everything: officialServer("everything", [], { clientEnv: "*" }),
        "asks client": fixture("asks-client"),
      },
      timeouts: { gracefulStop: "3s", idle: "2s" },
    },
  });
}, TEST_MS);
afterAll(async () => {
  await proxy.stop();
  rmSync(home, { recursive: true, force: true });
});

function endpoint(server: string, port = proxy.port, more: Readonly<Record<string, string>> = {}): Endpoint {
  const headers = { Authorization: `Bearer ${proxy.secret}`, ...more };
  return { url: `http://127.0.0.1:${port}/${encodeURIComponent(server)}/mcp`, headers };
}

/** GET requests to MCP endpoints so far: a client that comes back for a stream shows here. */
function streamsAsked(): number {
  return proxy.log.lines.filter((line) => line["msg"] === "request" && line["method"] === "GET").length;
}

// Clients of sessions. One that looks for the newest revision first finds it here, and has no session: see test/matrix.
describe.each([
  ["SDK v1", connectFirstOverHttp],
  ["SDK v2, pinned to legacy", connectSecondAs("legacy")],
  ["mcp-remote", connectThroughMcpRemote(home)],
] as const)("%s over Streamable HTTP, through the compiled proxy", (_, connect) => {
  test("lists and calls tools of the demo server and of server-everything", async () => {
    await using demo = await connect(endpoint("demo"));
    expect(await demo.toolNames()).toContain("slow");
    expect(await demo.call("echo", { message: "größe 🎉" })).toBe("größe 🎉");
    expect(await demo.call("add", { a: 2, b: 40 })).toBe("42");
    await using everything = await connect(endpoint("everything", proxy.port, { ENV_API_TOKEN: "of this client" }));
    expect(await everything.toolNames()).toContain("get-sum");
    expect(await everything.call("get-sum", { a: 2, b: 40 })).toContain("42");
    expect(JSON.parse(await everything.call("get-env"))).toMatchObject({ API_TOKEN: "of this client" });
  });

  test("gets progress and log messages", async () => {
    await using client = await connect(endpoint("demo"));
    const seen: number[] = [];
    const onProgress = (progress: number): void => void seen.push(progress);
    expect(await client.call("slow", { durationMs: 300, steps: 5 }, { onProgress })).toContain("5 steps");
    // The server sends its last report and its answer in one breath, and a client may forget the handler at the answer.
    expect(seen.slice(0, 4)).toEqual([1, 2, 3, 4]);
    await eventually("every log message", () => client.logged.length === 5);
    expect(client.logged).toEqual([1, 2, 3, 4, 5].map((step) => `Step ${step} of 5`));
  });

  test("is asked by the server, for the user's word, a model's, and its roots", async () => {
    await using client = await connect(endpoint("asks client"));
    expect(await client.call("ask-user")).toBe(`accept: ${ANSWERS.user}`);
    expect(await client.call("ask-model")).toBe(ANSWERS.model);
    expect(await client.call("ask-roots")).toBe(ANSWERS.root);
    expect(await Promise.all([client.call("ask-user"), client.call("ask-model"), client.call("ask-roots")])).toEqual([
      `accept: ${ANSWERS.user}`,
      ANSWERS.model,
      ANSWERS.root,
    ]);
    await using everything = await connect(endpoint("everything"));
    expect(await everything.call("trigger-sampling-request", { prompt: "say something" })).toContain(ANSWERS.model);
    expect(await everything.call("get-roots-list")).toContain(ANSWERS.root);
  });

  test("cancels a slow call: the server stops, and the client does not come back for its stream", async () => {
    await using client = await connect(endpoint("demo"));
    const abort = new AbortController();
    const call = client.call(
      "slow",
      { durationMs: 60_000, steps: 600 },
      { signal: abort.signal, onProgress: () => abort.abort() },
    );
    await expect(within("the end of the call", call)).rejects.toThrow(/abort/i);
    await eventually("the call's end in the server", async () => {
      const { running } = JSON.parse(await client.read("demo://calls"));
      return running === 0;
    });
    // A client that is told nothing comes back after a second, and after each next one.
    const asked = streamsAsked();
    await Bun.sleep(2_500);
    expect(streamsAsked() - asked).toBeLessThanOrEqual(1);
  });

  test("subscribes to a resource and is told when it changes", async () => {
    await using client = await connect(endpoint("demo"));
    await client.subscribe("demo://calls");
    await client.call("echo", { message: "one" });
    await eventually("the update", () => client.updated.includes("demo://calls"));
  });

  test("survives a connection that is cut in the middle of a slow call: the result arrives, once", async () => {
    await using relay = await startRelay(proxy.port);
    await using client = await connect(endpoint("demo", relay.port));
    const seen: number[] = [];
    let results = 0;
    const onProgress = (progress: number): void => {
      seen.push(progress);
      if (progress === 2) relay.cut();
    };
    const call = client.call("slow", { durationMs: 2_500, steps: 10 }, { onProgress }).then((text) => {
      results++;
      return text;
    });
    expect(await within("the result", call)).toContain("10 steps");
    expect(results).toBe(1);
    // Nothing is lost and nothing comes twice; only the last report may fall to a client that forgets the handler at the answer.
    expect(seen.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await eventually("every log message", () => client.logged.length >= 10);
    expect([...client.logged].sort()).toEqual(Array.from({ length: 10 }, (_, step) => `Step ${step + 1} of 10`).sort());
    expect(await client.call("echo", { message: "still here" })).toBe("still here");
  });

  test("calls many tools at once, each with its own answer", async () => {
    await using client = await connect(endpoint("demo"));
    const numbers = Array.from({ length: 50 }, (_, number) => number);
    const answers = await Promise.all(numbers.map((number) => client.call("echo", { message: `message ${number}` })));
    expect(answers).toEqual(numbers.map((number) => `message ${number}`));
  });

  test("leaves nothing behind when it has gone without a word", async () => {
    const client = await connect(endpoint("demo"));
    await client.call("echo", { message: "bye" });
    await client.close();
    await quiet(proxy);
  });
});
