import { describe, expect, test } from "bun:test";
import { configure, faultsOf, SECRET, settingsOf } from "./configure.ts";

describe("the configuration", () => {
  test("with nothing but the secret is the defaults", async () => {
    const { servers, sources, serverDefaults, ...rest } = await settingsOf();
    expect(rest).toEqual({
      file: undefined,
      leftAside: [],
      secret: SECRET,
      listen: { host: "127.0.0.1", port: 8000, basePath: "" },
      rateLimit: {
        ...{ requestsPerMinute: 100, burst: 10 },
        ...{ messagesPerMinute: 6_000, messagesBurst: 600, startsPerMinute: 100, startsBurst: 30 },
      },
      corsOrigins: [],
      allowedHosts: [],
      trustedProxies: [],
      limits: { sessions: 1000, requestBytes: 4_194_304, concurrentStarts: 4, pooledChildren: 100, parkedCalls: 50 },
      timeouts: { shutdownMs: 25_000 },
      containment: "auto",
      log: { level: "INFO", format: "auto" },
    });
    expect(servers.size).toBe(7);
    expect(serverDefaults.timeouts.lifetimeMs).toBe(86_400_000);
    expect(sources.get("PORT")).toEqual({ source: "default", text: "8000" });
    expect(sources.get("MAXIM_SECRET")).toEqual({ source: "environment", text: "set" });
  });

  test("takes a flag before the environment, that before the file, and that before the default", async () => {
    const file = {
      listen: { port: 1, host: "::1" },
      log: { level: "DEBUG" },
      cors: { origins: ["https://a.example"] },
    };
    const fromFile = await settingsOf({ file });
    expect(fromFile.listen).toEqual({ host: "::1", port: 1, basePath: "" });
    expect(fromFile.sources.get("PORT")).toEqual({ source: "file", text: "1" });
    const environment = { PORT: "2", LOG_LEVEL: "warn" };
    const fromEnvironment = await settingsOf({ file, environment });
    expect(fromEnvironment.listen.port).toBe(2);
    expect(fromEnvironment.log.level).toBe("WARN");
    const fromFlag = await settingsOf({ file, environment, flags: { "--port": "3" } });
    expect(fromFlag.listen).toEqual({ host: "::1", port: 3, basePath: "" });
    expect(fromFlag.corsOrigins).toEqual(["https://a.example"]);
    expect(fromFlag.sources.get("PORT")).toEqual({ source: "flag", text: "3" });
    expect(fromFlag.sources.get("HOST")).toEqual({ source: "file", text: "::1" });
    expect(fromFlag.file).toBe("mcp-sse-proxy.json");
  });

  test("takes every scalar from the environment", async () => {
    const settings = await settingsOf({
      environment: {
        ...{ HOST: "0.0.0.0", PORT: "0", BASE_PATH: "/mcp/", RATE_LIMIT_PER_MINUTE: "0", RATE_LIMIT_BURST: "5" },
        ...{ ALLOWED_ORIGINS: "https://a.example, https://b.example", ALLOWED_HOSTS: "*", TRUSTED_PROXIES: "fly" },
        ...{
          LIMITS_SESSIONS: "5",
          LIMITS_REQUEST_BYTES: "1KB",
          LIMITS_CONCURRENT_STARTS: "1",
          LIMITS_POOLED_CHILDREN: "2",
          LIMITS_PARKED_CALLS: "0",
          TIMEOUTS_SHUTDOWN: "1s",
        },
        ...{ LOG_FORMAT: "json", LIMITS_SESSIONS_PER_SERVER: "2", TIMEOUTS_STALLED_WRITE: "0" },
      },
    });
    expect(settings).toMatchObject({
      listen: { host: "0.0.0.0", port: 0, basePath: "/mcp" },
      rateLimit: { requestsPerMinute: 0, burst: 5, messagesPerMinute: 0, startsPerMinute: 0 },
      corsOrigins: ["https://a.example", "https://b.example"],
      allowedHosts: ["*"],
      trustedProxies: ["fly"],
      limits: { sessions: 5, requestBytes: 1024, concurrentStarts: 1, pooledChildren: 2, parkedCalls: 0 },
      timeouts: { shutdownMs: 1000 },
      log: { format: "json" },
      serverDefaults: { limits: { sessionsPerServer: 2 }, timeouts: { stalledWriteMs: 0 } },
    });
  });

  test("switches the rates of callers with a token off with the rate limit, but for those that are set", async () => {
    const { rateLimit, sources } = await settingsOf({
      file: { rateLimit: { requestsPerMinute: 0 } },
      environment: { RATE_LIMIT_STARTS_PER_MINUTE: "7" },
    });
    expect(rateLimit).toMatchObject({ requestsPerMinute: 0, messagesPerMinute: 0, startsPerMinute: 7 });
    expect(sources.get("RATE_LIMIT_MESSAGES_PER_MINUTE")).toEqual({ source: "default", text: "0" });
  });

  test("counts an empty variable as unset, as compose files write it", async () => {
    const settings = await settingsOf({
      file: { listen: { port: 5 } },
      environment: { PORT: "", ALLOWED_HOSTS: "", MCP_PROXY_CONFIG: "" },
    });
    expect(settings.listen.port).toBe(5);
  });

  test("reads the file that the environment or a flag names, the flag first", async () => {
    expect(await faultsOf({ environment: { MCP_PROXY_CONFIG: "a.json" } })).toEqual([
      expect.stringMatching(/^a\.json: .*ENOENT/),
    ]);
    expect(await faultsOf({ environment: { MCP_PROXY_CONFIG: "a.json" }, flags: { "--config": "b.yaml" } })).toEqual([
      expect.stringMatching(/^b\.yaml: .*ENOENT/),
    ]);
    expect(await faultsOf({ flags: { "--config": "" } })).toEqual([
      expect.stringMatching(/^option --config: expected the name of a file/),
    ]);
  });

  test("F1: with faults everywhere reports them all at once", async () => {
    const faults = await faultsOf({
      file: { limits: { sessions: -1 }, lsten: {}, mcpServers: { health: { command: "x" } } },
      environment: { MAXIM_SECRET: undefined, PORT: "8000abc", TIMEOUTS_IDLE: "soon" },
      flags: { "--prot": "1", "--log-level": "loud" },
    });
    expect(faults).toEqual([
      "option --prot: unknown option: did you mean --port?",
      expect.stringMatching(/^environment MAXIM_SECRET: it is not set.*openssl rand -base64 32/),
      'environment PORT: expected a whole number from 0 to 65535, got "8000abc"',
      expect.stringMatching(/^environment TIMEOUTS_IDLE: .*got "soon"/),
      'option --log-level: expected one of DEBUG, INFO, WARN, ERROR, got "loud"',
      "mcp-sse-proxy.json: lsten: unknown key: did you mean listen?",
      expect.stringMatching(/^mcp-sse-proxy\.json: limits\.sessions: .*got -1/),
      expect.stringMatching(/^mcp-sse-proxy\.json: mcpServers\.health: /),
    ]);
  });

  test("with a list in place of an object is refused, not misread", async () => {
    expect(await faultsOf({ file: [1] })).toEqual(["mcp-sse-proxy.json: expected an object, got a list"]);
  });
});

describe("the secret", () => {
  test.each([undefined, ""])("%j is missing, and the fault says how to make one", async (MAXIM_SECRET) => {
    expect(await faultsOf({ environment: { MAXIM_SECRET } })).toEqual([
      "environment MAXIM_SECRET: it is not set: expected at least 32 printable ASCII characters without spaces; make one with: openssl rand -base64 32",
    ]);
  });

  test.each(["hunter2", "hunter2 ".repeat(10), "hunter2\n".repeat(10)])(
    "%j is refused without being quoted",
    async (MAXIM_SECRET) => {
      const loaded = await configure({ environment: { MAXIM_SECRET } });
      expect(loaded.ok).toBe(false);
      expect(JSON.stringify(loaded)).toContain("at least 32 printable ASCII characters");
      expect(JSON.stringify(loaded)).not.toContain("hunter2");
    },
  );

  test("has no flag and no key", async () => {
    expect(await faultsOf({ flags: { "--maxim-secret": SECRET } })).toEqual(["option --maxim-secret: unknown option"]);
    expect(await faultsOf({ file: { secret: SECRET } })).toEqual([expect.stringMatching(/secret: unknown key/)]);
  });
});
