import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ProxyOptions, runProxy } from "../support/launch.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const SECRET = "an-operator-secret-of-forty-characters-ok";
const echo = fixture("echo");

const refusals: readonly (readonly [string, ProxyOptions, readonly string[]])[] = [
  ["F1: no secret", { env: { MAXIM_SECRET: undefined } }, ["MAXIM_SECRET", "openssl rand"]],
  ["F1: a short secret", { env: { MAXIM_SECRET: "short-SENTINEL" } }, ["MAXIM_SECRET", "32"]],
  ["F1: an unknown key", { config: { mcpServers: { echo }, mcpServer: {} } }, ["mcpServer"]],
  ["F1: an unknown key of a server", { config: { mcpServers: { echo: { ...echo, comand: "x" } } } }, ["comand"]],
  ["F1: a wrong type", { config: { mcpServers: { echo: { command: 7 } } } }, ["command"]],
  [
    "F1: a denied variable",
    { config: { mcpServers: { echo: { ...echo, clientEnv: ["NODE_OPTIONS"] } } } },
    ["NODE_OPTIONS"],
  ],
  ["F1: a duration without unit", { config: { timeouts: { idle: "30" } } }, ["timeouts.idle"]],
  [
    "F1: a name for one thing and a command line",
    { config: { mcpServers: { "sleep 1": echo }, allowedCommands: ["sleep 1"] } },
    ["sleep 1"],
  ],
  [
    "F1: a variable that is not there",
    { config: { mcpServers: { echo: { ...echo, env: { A: "\u0024{NOT_THERE}" } } } } },
    ["NOT_THERE"],
  ],
  ["F1: unbalanced quotes", { config: { allowedCommands: ["run 'it"] } }, ["allowedCommands[0]"]],
  ["F3: a port with letters", { env: { PORT: "8000abc" } }, ["PORT"]],
  ["F3: a port that does not exist", { env: { PORT: "65536" } }, ["PORT"]],
  ["F5: all interfaces without a secret", { env: { HOST: "0.0.0.0", MAXIM_SECRET: undefined } }, ["MAXIM_SECRET"]],
];

describe("a start that must not be", () => {
  test.concurrent.each(refusals)("%s is refused before listening, naming it", async (_, options, named) => {
    const { exitCode, output } = await runProxy({ ...options, env: { MAXIM_SECRET: SECRET, ...options.env } });
    expect(exitCode).not.toBe(0);
    for (const word of named) expect(output).toContain(word);
    for (const unsaid of ["listening", SECRET, "SENTINEL"]) expect(output).not.toContain(unsaid);
  });

  test("F1: all faults are told at once, and no value of a variable with them", async () => {
    const { exitCode, output } = await runProxy({
      env: { MAXIM_SECRET: undefined, PORT: "x" },
      config: {
        mcpServers: { echo: { ...echo, env: { TOKEN: ["x"], OTHER: "VALUE-SENTINEL" }, timeouts: { idle: "soon" } } },
        nonsense: 1,
      },
    });
    expect(exitCode).not.toBe(0);
    for (const word of ["MAXIM_SECRET", "PORT", "TOKEN", "idle", "nonsense"]) expect(output).toContain(word);
    expect(output).not.toContain("VALUE-SENTINEL");
  });

  test("F2: a port that is taken ends it with a word about the port", async () => {
    const blocker = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    try {
      const { exitCode, output } = await runProxy({
        config: { mcpServers: { echo } },
        env: { PORT: String(blocker.port) },
      });
      expect(exitCode).not.toBe(0);
      expect(output).toContain(String(blocker.port));
    } finally {
      blocker.stop(true);
    }
  });

  test("an unknown option ends it with 2 and a suggestion", async () => {
    const { exitCode, output } = await runProxy({ args: ["--prot", "1"] });
    expect(exitCode).toBe(2);
    expect(output).toContain("--port");
  });
});

describe("the built-in allowlist", () => {
  test("without a configuration file demo and the predecessor's commands are there", async () => {
    await using proxy = await startProxy();
    const { servers } = (await (await proxy.fetch("/servers")).json()) as { servers: { name: string }[] };
    const names = servers.map(({ name }) => name);
    expect(names).toContain("demo");
    expect(names).toContain("npx -y @upstash/context7-mcp@latest");
    const session = await proxy.openSse("demo");
    const { result } = await session.request("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    });
    expect(result?.["serverInfo"]).toBeDefined();
    session.close();
  });
});
