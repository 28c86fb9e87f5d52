import { afterEach, describe, expect, test } from "bun:test";
import { createApp } from "../../src/app/app.ts";
import { createLogger } from "../../src/base/logger.ts";
import { createGuard } from "../../src/guard/guard.ts";
import type { Server } from "../../src/process/server.ts";
import type { Registry } from "../../src/session/registry.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { scriptServer } from "../process/child-host.ts";
import { eventually } from "../support/eventually.ts";

const SECRET = "0123456789-0123456789-0123456789";
const NAMES = ["one", "npx -y @scope/two@latest"];

const NO_RATES = {
  ...{ requestsPerMinute: 0, burst: 1 },
  ...{ messagesPerMinute: 0, messagesBurst: 1, startsPerMinute: 0, startsBurst: 1 },
};

interface AppOptions {
  readonly basePath?: string;
  readonly isDraining?: boolean;
  /** What looking for a session throws, if anything. */
  readonly failure?: Error;
  readonly readBody?: (request: Request) => Promise<Buffer>;
}

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** The app, listening, over a registry without any session. */
function create({ basePath = "", isDraining = false, failure, readBody }: AppOptions = {}) {
  const logged: Record<string, unknown>[] = [];
  const registry: Registry = {
    open: () => Promise.reject(failure ?? new Error("nothing starts here")),
    find: () => {
      if (failure !== undefined) throw failure;
      return undefined;
    },
    count: () => 3,
    size: () => 0,
    inFlight: () => 0,
    drain: () => undefined,
    isDraining: () => isDraining,
    endAll: () => Promise.resolve(),
  };
  const servers = new Map<string, Server>(NAMES.map((name) => [name, scriptServer("", { name })]));
  const app = createApp({
    version: "1.2.3",
    basePath,
    servers,
    guard: createGuard({
      secret: SECRET,
      bindHost: "127.0.0.1",
      allowedHosts: [],
      allowedOrigins: ["https://app.example"],
      trustedProxies: [],
      rateLimit: NO_RATES,
    }),
    registry,
    stateless: {
      serve: () => Promise.reject(failure ?? new Error("nothing starts here")),
      sessionless: { serve: () => Promise.resolve(), notice: () => undefined },
      close: () => undefined,
    },
    readBody: readBody ?? (() => Promise.resolve(Buffer.from("{}"))),
    scan: createJsonScanner(64),
    log: createLogger({ level: "DEBUG", destination: { write: (line) => logged.push(JSON.parse(line)) } }),
  });
  app.listen({ hostname: "127.0.0.1", port: 0, development: false });
  stops.push(async () => app.server?.stop(true));
  const ask = (path: string, init: RequestInit & { readonly headers?: Record<string, string> } = {}) =>
    fetch(`http://127.0.0.1:${app.server?.port}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${SECRET}`, ...init.headers },
    });
  /** The time limits that were set for connections, in seconds; 0: none. */
  const limits: number[] = [];
  if (app.server !== null)
    Object.defineProperty(app.server, "timeout", { value: (_: Request, s: number) => limits.push(s) });
  return { ask, logged, limits };
}

/** Every route that acts, with the method that it takes. */
const GUARDED = [
  ["GET", "/servers"],
  ["GET", "/one/sse"],
  ["POST", "/one/message?sessionId=x"],
  ["POST", "/one/mcp"],
  ["GET", "/one/mcp"],
  ["DELETE", "/one/mcp"],
] as const;

describe("each route that acts", () => {
  test.each(GUARDED)("%s %s needs the secret, an allowed host and an allowed origin", async (method, path) => {
    const { ask } = create();
    const refused: readonly (readonly [Record<string, string>, number])[] = [
      [{ authorization: "" }, 401],
      [{ authorization: "Bearer wrong-wrong-wrong-wrong-wrong-wrong" }, 401],
      [{ host: "attacker.example" }, 403],
      [{ origin: "https://attacker.example" }, 403],
    ];
    for (const [headers, status] of refused) {
      const answer = await ask(path, { method, headers });
      expect(answer.status).toBe(status);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      if (status === 401) expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
    }
  });

  test("takes the secret from the header alone", async () => {
    const { ask } = create();
    for (const query of [`token=${SECRET}`, `access_token=${SECRET}`, `Bearer=${SECRET}`]) {
      expect((await ask(`/servers?${query}`, { headers: { authorization: "" } })).status).toBe(401);
    }
  });
});

describe("a server's key", () => {
  test("is decoded once, and must be on the allowlist to the byte", async () => {
    const { ask } = create();
    const status = async (key: string) => (await ask(`/${key}/message?sessionId=x`, { method: "POST" })).status;
    expect(await status(encodeURIComponent(NAMES[1] ?? ""))).toBe(404);
    for (const key of ["two", "One", "one%20", encodeURIComponent(encodeURIComponent(NAMES[1] ?? "")), "constructor"]) {
      expect(await status(key)).toBe(403);
    }
    expect(await status("%FF")).toBe(400);
  });
});

describe("/health", () => {
  test("is for everyone, and says when the proxy is draining", async () => {
    const headers = { authorization: "", host: "attacker.example" };
    expect((await create().ask("/health", { headers })).status).toBe(200);
    const answer = await create({ isDraining: true }).ask("/health", { headers });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ status: "draining" });
  });
});

describe("the base path", () => {
  test.each([...GUARDED, ["GET", "/health"] as const, ["GET", "/swagger/json"] as const])(
    "stands before %s %s, which is served without it too",
    async (method, path) => {
      const { ask } = create({ basePath: "/mcp-proxy" });
      const statuses = await Promise.all(
        ["", "/mcp-proxy"].map(async (base) => (await ask(base + path, { method })).status),
      );
      expect(statuses[0]).toBe(statuses[1] ?? 0);
      expect((await ask(`/other${path}`, { method })).status).toBe(404);
    },
  );

  test("stands in the URLs of the allowlist", async () => {
    const text = await (await create({ basePath: "/mcp-proxy" }).ask("/servers")).text();
    expect(text).toContain(`/mcp-proxy/${encodeURIComponent(NAMES[1] ?? "")}/sse`);
    expect(text).not.toContain("127.0.0.1");
  });
});

describe("what is not there", () => {
  test.each([
    ["PUT", "/one/sse", 405, "GET, OPTIONS"],
    ["HEAD", "/one/sse", 405, "GET, OPTIONS"],
    ["HEAD", "/one/mcp", 405, "GET, POST, DELETE, OPTIONS"],
    ["PUT", "/one/mcp", 405, "GET, POST, DELETE, OPTIONS"],
    ["GET", "/one/message", 405, "POST, OPTIONS"],
    ["DELETE", "/health", 405, "GET, OPTIONS"],
    ["POST", "/servers?/message", 405, "GET, OPTIONS"],
    ["GET", "/", 404, null],
    ["GET", "/one", 404, null],
    ["GET", "/one/sse/x", 404, null],
    ["GET", "/a/b/sse", 404, null],
  ])("%s %s gets %d", async (method, path, status, allow) => {
    const answer = await create().ask(path, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([status, allow]);
  });
});

test("OPTIONS names the methods that a URL takes, DELETE among them", async () => {
  const { ask } = create();
  for (const [path, allow] of [
    ["/one/mcp", "GET, POST, DELETE, OPTIONS"],
    ["/one/message", "POST, OPTIONS"],
    ["/nothing", "GET, POST, DELETE, OPTIONS"],
  ] as const) {
    const answer = await ask(path, { method: "OPTIONS" });
    expect([answer.status, answer.headers.get("allow")?.split(", ").sort()]).toEqual([204, allow.split(", ").sort()]);
  }
});

test("a method that a route of MCP does not take is refused as JSON-RPC", async () => {
  const answer = await create().ask("/one/sse", { method: "PUT" });
  expect(await answer.json()).toMatchObject({
    jsonrpc: "2.0",
    id: null,
    error: { data: { code: "method_not_allowed" } },
  });
});

describe("a preflight", () => {
  const preflight = (origin: string) => ({
    method: "OPTIONS",
    headers: {
      authorization: "",
      origin,
      "access-control-request-method": "GET",
      "access-control-request-headers": "ENV_A",
    },
  });

  test("is answered for a listed origin, and refused for another", async () => {
    const { ask } = create();
    const answer = await ask("/one/sse", preflight("https://app.example"));
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([204, "https://app.example"]);
    const refused = await ask("/one/sse", preflight("https://attacker.example"));
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });
});

describe("a failure that nobody foresaw", () => {
  const failure = new Error("inner s3cr3t");

  test("is answered with an id, under which the log has the rest", async () => {
    const { ask, logged } = create({ failure });
    for (const [path, init] of [
      ["/one/message?sessionId=x", { method: "POST" }],
      ["/one/sse", {}],
    ] as const) {
      const answer = await ask(path, init);
      expect(answer.status).toBe(500);
      const text = await answer.text();
      expect(text).not.toContain("s3cr3t");
      const id = /"id":"([0-9a-f]{8})"/.exec(text)?.[1];
      expect(logged).toContainEqual(expect.objectContaining({ level: "ERROR", failureId: id, msg: "request failed" }));
    }
  });

  test("of a request whose client has left is no failure of ours", async () => {
    const leaver = new AbortController();
    const { ask, logged } = create({
      readBody: (request) =>
        new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => reject(new Error("the body broke off")));
          leaver.abort();
        }),
    });
    const left = ask("/one/mcp", {
      method: "POST",
      signal: leaver.signal,
      headers: { accept: "application/json, text/event-stream" },
      body: "{}",
    });
    await expect(left).rejects.toThrow();
    await eventually("the log's line", () => logged.length > 0);
    expect(logged.map(({ level, status }) => [level, status])).toEqual([["INFO", 499]]);
  });
});

test("a connection whose request is refused keeps a time limit, whatever refuses it", async () => {
  const { ask, limits } = create({ failure: new Error("x") });
  for (const [path, init] of [
    ["/one/sse", {}],
    ["/one/sse", { headers: { accept: "application/json" } }],
    ["/one/sse", { headers: { authorization: "" } }],
    ["/one/sse", { headers: { host: "attacker.example" } }],
    ["/unknown/sse", {}],
    ["/one/mcp", { method: "POST", headers: { accept: "application/json" } }],
    ["/one/mcp", { headers: { accept: "text/event-stream" } }],
  ] as const) {
    const before = limits.length;
    expect((await ask(path, init)).status).toBeGreaterThanOrEqual(400);
    expect(limits.slice(before).at(-1)).not.toBe(0);
  }
  // The one that got as far as to its transport had none for a while.
  expect(limits).toContain(0);
});

test("the log names a request's route, and nothing of its query and its headers", async () => {
  const { ask, logged } = create();
  await ask("/one/message?sessionId=s3cr3t-1", {
    method: "POST",
    headers: { cookie: "s3cr3t-2", ENV_TOKEN: "s3cr3t-3" },
  });
  await ask("/one/sse?token=s3cr3t-4", { headers: { authorization: "Bearer s3cr3t-5" } });
  await ask("/s3cr3t-6/x/y");
  expect(logged.map(({ route, status }) => [route, status])).toEqual([
    ["/:server/message", 404],
    ["/:server/sse", 401],
    ["none", 404],
  ]);
  expect(JSON.stringify(logged)).not.toContain("s3cr3t");
});
