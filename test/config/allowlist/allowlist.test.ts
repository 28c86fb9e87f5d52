import { describe, expect, test } from "bun:test";
import { faultsOf, SECRET, settingsOf } from "../configure.ts";

const DEMO_COMMAND = ["/bin/sh", "demo"] as const;

async function only(entry: unknown, environment: Readonly<Record<string, string>> = {}) {
  const { servers } = await settingsOf({ file: { mcpServers: { a: entry } }, environment });
  const server = servers.get("a");
  if (server === undefined) throw new Error("not on the allowlist");
  return server;
}

describe("without servers in the file", () => {
  test.each([[undefined], [{}], [{ listen: { port: 1 } }]])(
    "(%j) the demo and the predecessor's commands are allowed",
    async (file) => {
      const { servers } = await settingsOf({ file });
      expect([...servers.keys()]).toEqual([
        "demo",
        "npx -y @upstash/context7-mcp@latest",
        "npx -y @maximai/mcp-server@latest",
        "npx -y @notionhq/notion-mcp-server",
        "docker run -i --rm -e GITHUB_PERSONAL_ACCESS_TOKEN ghcr.io/github/github-mcp-server",
        "npx -y exa-mcp-server",
        "npx -y @cocal/google-calendar-mcp",
      ]);
      expect(servers.get("demo")).toMatchObject({ command: DEMO_COMMAND, program: "/bin/sh", clientEnv: "*", env: {} });
      for (const [name, { command }] of servers) if (name !== "demo") expect(command.join(" ")).toBe(name);
    },
  );

  test("each of those takes its own credentials and no others", async () => {
    const { servers } = await settingsOf();
    const taken = [...servers.values()].map(({ clientEnv }) =>
      clientEnv === "*" ? "*" : [...clientEnv.keys()].join(),
    );
    expect(taken).toEqual([
      "*",
      "CONTEXT7_API_KEY",
      "MAXIM_API_KEY",
      "NOTION_TOKEN,OPENAPI_MCP_HEADERS",
      "GITHUB_PERSONAL_ACCESS_TOKEN",
      "EXA_API_KEY",
      "GOOGLE_OAUTH_CREDENTIALS",
    ]);
  });
});

describe("with servers in the file", () => {
  test("exactly those are allowed", async () => {
    const { servers } = await settingsOf({
      file: {
        mcpServers: { a: { command: "sh" } },
        allowedCommands: ["sh  -c 'x y'", { command: "sh b", clientEnv: ["B"] }],
      },
    });
    expect([...servers.keys()]).toEqual(["a", "sh  -c 'x y'", "sh b"]);
    expect(servers.get("sh  -c 'x y'")?.command).toEqual(["sh", "-c", "x y"]);
    expect(servers.get("sh -c 'x y'")).toBeUndefined();
    const { clientEnv } = servers.get("sh b") ?? { clientEnv: "*" };
    expect(clientEnv === "*" ? [] : [...clientEnv.keys()]).toEqual(["B"]);
  });

  test.each([[{ mcpServers: {} }], [{ allowedCommands: [] }]])("none (%j) means that none is allowed", async (file) => {
    expect((await settingsOf({ file })).servers.size).toBe(0);
  });

  test("the built-in demo is allowed under any name that is given to it", async () => {
    const { servers } = await settingsOf({ file: { mcpServers: { try: { builtin: "demo" } } } });
    expect([...servers.keys()]).toEqual(["try"]);
    expect(servers.get("try")).toMatchObject({ command: DEMO_COMMAND, clientEnv: "*" });
  });

  test("a disabled one is checked but not allowed", async () => {
    const { servers } = await settingsOf({ file: { mcpServers: { a: { command: "sh", disabled: true } } } });
    expect(servers.size).toBe(0);
    expect(
      await faultsOf({ file: { mcpServers: { a: { command: "sh", disabled: true, cwd: "nowhere" } } } }),
    ).toHaveLength(1);
  });

  test.each(["constructor", "__proto__", "toString"])("the name %s is one like any other", async (name) => {
    const none = await settingsOf({ file: { mcpServers: {} } });
    expect(none.servers.get(name)).toBeUndefined();
    const { servers } = await settingsOf({ file: JSON.parse(`{"mcpServers": {"${name}": {"command": "sh"}}}`) });
    expect([...servers.keys()]).toEqual([name]);
  });

  test.each(["health", "", "..", "a\nb", "a\uFFFD", "x".repeat(1025)])("the name %j is refused", async (name) => {
    expect(await faultsOf({ file: { mcpServers: { [name]: { command: "sh" } } } })).toHaveLength(1);
    if (name !== "") expect(await faultsOf({ file: { allowedCommands: [name] } })).not.toBeEmpty();
  });

  test("F1: a command line that is listed twice, or is a name as well, is refused", async () => {
    const file = { mcpServers: { sh: { command: "sh" } }, allowedCommands: ["sh", "sh x", "sh x"] };
    expect(await faultsOf({ file })).toEqual([
      "mcp-sse-proxy.json: allowedCommands[0]: the same name as mcpServers.sh",
      "mcp-sse-proxy.json: allowedCommands[2]: the same name as allowedCommands[1]",
    ]);
  });

  test("a NUL in a command, an argument or a variable is refused", async () => {
    const entry = { command: "sh\0x", args: ["a", "b\0"], env: { A: "\0" } };
    expect(await faultsOf({ file: { mcpServers: { a: entry }, allowedCommands: ["sh '\0'"] } })).toEqual([
      expect.stringContaining("mcpServers.a.command"),
      expect.stringContaining("mcpServers.a.args[1]"),
      expect.stringContaining("allowedCommands[0]"),
      expect.stringContaining("mcpServers.a.env.A"),
    ]);
  });

  test("a command line with an open quote is refused", async () => {
    expect(await faultsOf({ file: { allowedCommands: ["sh 'x"] } })).toEqual([
      "mcp-sse-proxy.json: allowedCommands[0]: a quote (') is opened but not closed",
    ]);
  });
});

describe("a server", () => {
  test("has no variables, no directory and the limits of all unless its entry says otherwise", async () => {
    expect(await only({ command: "sh" })).toEqual({
      name: "a",
      command: ["sh"],
      program: expect.stringMatching(/^\/.*\/sh$/),
      env: {},
      inherited: {},
      cwd: undefined,
      clientEnv: new Map(),
      isolation: "exclusive",
      limits: { sessionsPerServer: 100, lineBytes: 16_777_216, outboxBytes: 4_194_304 },
      timeouts: {
        ...{
          startMs: 180_000,
          requestMs: 180_000,
          idleMs: 1_800_000,
          silentMs: 7_200_000,
          reconnectMs: 60_000,
          lifetimeMs: 86_400_000,
        },
        ...{ warmMs: 300_000, parkedMs: 300_000, probeMs: 5_000 },
        ...{ heartbeatMs: 10_000, stalledWriteMs: 30_000, gracefulStopMs: 10_000 },
      },
    });
  });

  test("has its own limits before those of all, whichever way those came", async () => {
    const { servers } = await settingsOf({
      file: {
        mcpServers: { a: { command: "sh", limits: { lineBytes: "1KB" }, timeouts: { idle: 0 } }, b: { command: "sh" } },
        timeouts: { idle: "5m", start: "4m" },
      },
      environment: { LIMITS_LINE_BYTES: "2KB" },
      flags: { "--timeouts-start": "2m" },
    });
    expect(servers.get("a")).toMatchObject({ limits: { lineBytes: 1024 }, timeouts: { idleMs: 0, startMs: 120_000 } });
    expect(servers.get("b")).toMatchObject({
      limits: { lineBytes: 2048 },
      timeouts: { idleMs: 300_000, startMs: 120_000 },
    });
  });

  test("shares its children among sessions when its entry says so, whichever form that has", async () => {
    const { servers } = await settingsOf({
      file: {
        mcpServers: {
          shared: { command: "sh", isolation: "shared" },
          demo: { builtin: "demo", isolation: "shared" },
          exclusive: { command: "sh", isolation: "exclusive" },
        },
        allowedCommands: ["sh a", { command: "sh b", isolation: "shared" }],
      },
    });
    expect([...servers].map(([name, { isolation }]) => [name, isolation])).toEqual([
      ["shared", "shared"],
      ["demo", "shared"],
      ["exclusive", "exclusive"],
      ["sh a", "exclusive"],
      ["sh b", "shared"],
    ]);
  });

  test("has its own times for warm children, parked calls and the probe", async () => {
    const timeouts = { warm: 0, parked: "1m", probe: "250ms" };
    expect((await only({ command: "sh", timeouts }, { TIMEOUTS_WARM: "1s" })).timeouts).toMatchObject({
      ...{ warmMs: 0, parkedMs: 60_000, probeMs: 250 },
    });
    const environment = { TIMEOUTS_WARM: "1s", TIMEOUTS_PARKED: "2s", TIMEOUTS_PROBE: "0" };
    expect((await only({ command: "sh" }, environment)).timeouts).toMatchObject({
      ...{ warmMs: 1_000, parkedMs: 2_000, probeMs: 0 },
    });
  });

  test("has a fault in its own limits reported at their place", async () => {
    const file = { mcpServers: { a: { command: "sh", timeouts: { idle: "600h", start: 5 } } } };
    expect(await faultsOf({ file })).toEqual([
      expect.stringMatching(/mcpServers\.a\.timeouts\.start: expected .*, got 5$/),
      expect.stringMatching(/mcpServers\.a\.timeouts\.idle: expected .*, got "600h"$/),
    ]);
  });

  test("has the operator's variables, filled in from the proxy's environment", async () => {
    const env = JSON.parse(`{"PLAIN": "x", "TOKEN": "a \${UPSTREAM}", "__proto__": "y"}`);
    const server = await only({ command: "sh", env }, { UPSTREAM: "t0ken" });
    expect(Object.entries(server.env)).toEqual(Object.entries({ PLAIN: "x", TOKEN: "a t0ken", ["__proto__"]: "y" }));
  });

  test("is refused when a variable is unset, or is the proxy's own secret, without its value", async () => {
    const env = { A: `\${UPSTREAM}`, B: `x\${MAXIM_SECRET}`, C: [5], D: `s3cr3t \${` };
    const faults = await faultsOf({ file: { mcpServers: { a: { command: "sh", env } } } });
    expect(faults).toHaveLength(4);
    expect(faults.join("\n")).toContain("mcpServers.a.env.A: UPSTREAM is not set");
    expect(faults.join("\n")).not.toContain("s3cr3t");
    expect(faults.join("\n")).not.toContain(SECRET);
  });

  test("has its relative directory and program found from the file's directory", async () => {
    expect(await only({ command: "/bin/sh", cwd: "/tmp" })).toMatchObject({ program: "/bin/sh", cwd: "/tmp" });
    expect((await only({ command: "sh", cwd: "." })).cwd).toContain("mcp-sse-proxy-config-");
    expect(await faultsOf({ file: { mcpServers: { a: { command: "sh", cwd: "nowhere" } } } })).toEqual([
      'mcp-sse-proxy.json: mcpServers.a.cwd: expected a directory that exists, got "nowhere"',
    ]);
    expect(await faultsOf({ file: { mcpServers: { a: { command: "sh", cwd: "mcp-sse-proxy.json" } } } })).toHaveLength(
      1,
    );
  });

  test("whose program is missing is allowed all the same, and has none", async () => {
    expect((await only({ command: "no-such-program-anywhere" })).program).toBeUndefined();
  });

  test("looks for its program on the proxy's PATH and never on its own", async () => {
    const server = await only({ command: "sh", env: { PATH: "/bin" } }, { PATH: "/nowhere" });
    expect(server.program).toBeUndefined();
  });

  test("F1: that declares a dangerous client variable is refused", async () => {
    const file = {
      mcpServers: { a: { command: "sh", clientEnv: ["NODE_OPTIONS"] } },
      allowedCommands: [{ command: "x", clientEnv: { PATH: {} } }],
    };
    expect(await faultsOf({ file })).toEqual([
      expect.stringContaining("mcpServers.a.clientEnv[0]: NODE_OPTIONS"),
      expect.stringContaining("allowedCommands[0].clientEnv.PATH: PATH"),
    ]);
  });
});

describe("an entry that is pasted from a desktop client", () => {
  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["Cline", { disabled: false, autoApprove: ["a"], timeout: 60, type: "stdio", transportType: "stdio" }],
    ["Roo Code", { alwaysAllow: ["search"], disabledTools: [], watchPaths: ["x"], timeout: 300 }],
    ["Amazon Q and Kiro", { autoApprove: [], disabled: false, timeout: 120_000, disabledTools: ["x"] }],
    ["VS Code", { type: "stdio", envFile: ".env", dev: { watch: "src" }, gallery: true, version: "1" }],
    ["Copilot", { type: "local", tools: ["*"] }],
    ["Zed", { source: "custom", enabled: true, settings: {} }],
    ["Gemini CLI", { trust: true, timeout: 600_000, includeTools: ["x"], description: "x" }],
    ["LibreChat", { title: "x", iconPath: "/x", chatMenu: false, initTimeout: 1, serverInstructions: true }],
    ["Cherry Studio", { name: "x", isActive: true, provider: "x", logoUrl: "x", tags: ["x"], longRunning: true }],
    ["Codex", { startup_timeout_sec: 20, tool_timeout_sec: 60, enabled: true, required: true }],
    ["Jan", { active: true }],
  ])("of %s is taken, and what is left aside is said", async (_, keys) => {
    const { servers, leftAside } = await settingsOf({ file: { mcpServers: { a: { command: "sh", ...keys } } } });
    expect([...servers.keys()]).toEqual(["a"]);
    const said = leftAside.join();
    for (const key of Object.keys(keys)) {
      const isOurs = ["disabled", "enabled", "active", "isActive", "type", "transportType"].includes(key);
      expect([key, said.includes(JSON.stringify(key))]).toEqual([key, !isOurs]);
    }
  });

  test.each([{ disabled: true }, { enabled: false }, { isActive: false }, { active: false }])(
    "with %j is off the allowlist, and nothing is said of it",
    async (keys) => {
      const file = { mcpServers: { a: { command: "sh", description: "x", ...keys } } };
      const { servers, leftAside } = await settingsOf({ file });
      expect([servers.size, leftAside]).toEqual([0, []]);
    },
  );

  test("may have numbers and truth values where texts belong", async () => {
    expect(
      await only({
        command: "sh",
        args: ["--port", 3000, true],
        env: { PORT: 3000, DEBUG: true, RATE: 0.5, OFF: false },
      }),
    ).toMatchObject({
      command: ["sh", "--port", "3000", "true"],
      env: { PORT: "3000", DEBUG: "true", RATE: "0.5", OFF: "false" },
    });
    expect(
      await faultsOf({ file: { mcpServers: { a: { command: "sh", env: { ID: 12345678901234567000 } } } } }),
    ).toEqual([
      "mcp-sse-proxy.json: mcpServers.a.env.ID: a number of so many digits is not kept as it is: write it in quotes",
    ]);
    expect(await faultsOf({ file: { mcpServers: { a: { command: "sh", env: { A: null, B: {} } } } } })).toEqual([
      "mcp-sse-proxy.json: mcpServers.a.env.A: expected a text, a number, true or false, got nothing",
      "mcp-sse-proxy.json: mcpServers.a.env.B: expected a text, a number, true or false, got an object",
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ["clientEnvs", ["A"], /mcpServers\.a\.clientEnvs: unknown key: did you mean clientEnv\?$/],
    ["timeout", { request: "5m" }, /mcpServers\.a\.timeout: expected a number: did you mean timeouts\?/],
    ["environment", { A: "b" }, /mcpServers\.a\.environment: unknown key/],
    ["type", "sse", /mcpServers\.a\.type: expected "stdio": remote servers are not supported yet, got "sse"$/],
    ["transport", "http", /mcpServers\.a\.transport: expected "stdio": remote servers are not supported yet/],
    ["url", "https://x", /mcpServers\.a\.url: remote servers are not supported yet/],
  ])("is refused for %s", async (key, value, fault) => {
    const faults = await faultsOf({ file: { mcpServers: { a: { command: "sh", [key]: value } } } });
    expect(faults).toEqual([expect.stringMatching(fault)]);
  });

  test("with its whole file of another shape is told where servers stand", async () => {
    expect(await faultsOf({ file: { servers: { a: { command: "sh" } } } })).toEqual([
      "mcp-sse-proxy.json: servers: unknown key: the servers stand under mcpServers here",
    ]);
  });
});

describe("inheritEnv", () => {
  const environment = { SSH_AUTH_SOCK: "/run/agent", TOKEN: "operator's" };
  test("adds variables of the proxy's own, where they are set, and env goes before", async () => {
    const entry = {
      command: "sh",
      inheritEnv: ["SSH_AUTH_SOCK", "TOKEN", "NOT_SET", "constructor"],
      env: { TOKEN: "entry's" },
    };
    expect(await only(entry, environment)).toMatchObject({ env: { SSH_AUTH_SOCK: "/run/agent", TOKEN: "entry's" } });
    const file = { allowedCommands: [{ command: "sh x", inheritEnv: ["SSH_AUTH_SOCK"] }] };
    const { servers } = await settingsOf({ file, environment });
    expect(servers.get("sh x")?.env).toEqual({ SSH_AUTH_SOCK: "/run/agent" });
  });

  test("does not give away the proxy's own secret", async () => {
    expect(await faultsOf({ file: { mcpServers: { a: { command: "sh", inheritEnv: ["MAXIM_SECRET"] } } } })).toEqual([
      "mcp-sse-proxy.json: mcpServers.a.inheritEnv[0]: MAXIM_SECRET is the proxy's own secret, which no server may see",
    ]);
  });
});
