import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { rawHttp, requestText, statuses } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const config = { mcpServers: { echo: fixture("echo") } };

describe("authentication", () => {
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startProxy({ config });
  });
  afterAll(() => proxy.stop());
  // A child that an earlier test left is still being stopped: a test that says "nothing starts" must not see it.
  beforeEach(() => quiet(proxy));

  const bare = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${proxy.url}${path}`, { headers });

  test("A1, A2: a missing, wrong or malformed token gets the same 401 everywhere, and is never logged", async () => {
    const oneOff = `${proxy.secret.slice(0, -1)}${proxy.secret.endsWith("0") ? "1" : "0"}`;
    const presented = [
      undefined,
      "",
      "Bearer",
      `Bearer ${proxy.canary()}`,
      `Bearer ${oneOff}`,
      `Bearer ${proxy.secret}0`,
      `Basic ${proxy.secret}`,
      proxy.canary(),
    ];
    const bodies = new Set<string>();
    for (const value of presented) {
      const answer = await bare("/echo/sse", value === undefined ? {} : { Authorization: value });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
      bodies.add(await answer.text());
    }
    expect(bodies.size).toBe(1);
    expect((await bare("/servers")).status).toBe(401);
    expect((await fetch(`${proxy.url}/echo/message?sessionId=x`, { method: "POST", body: "{}" })).status).toBe(401);
    expect(proxy.children()).toEqual([]);
  });

  test("A3: the scheme's case does not matter, all else is strict", async () => {
    const host = `Host: 127.0.0.1:${proxy.port}`;
    const statusOf = async (...lines: string[]): Promise<number | undefined> =>
      statuses(
        await rawHttp(proxy.port, requestText("GET /servers HTTP/1.1", [host, ...lines, "Connection: close"])),
      )[0];
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      expect(await statusOf(`Authorization: ${scheme} ${proxy.secret}`)).toBe(200);
    }
    for (const value of [
      `Bearer  ${proxy.secret}`,
      `Bearer\t${proxy.secret}`,
      `Bearer ${proxy.secret} x`,
      `Bearer,${proxy.secret}`,
    ]) {
      expect(await statusOf(`Authorization: ${value}`)).toBe(401);
    }
    const right = `Authorization: Bearer ${proxy.secret}`;
    expect(await statusOf(right, right)).toBe(401);
    expect(await statusOf(right, "Authorization: Bearer other")).toBe(401);
  });

  test("A4: the secret in the query is no credential", async () => {
    for (const name of ["token", "access_token", "secret", "MAXIM_SECRET", "authorization"]) {
      expect((await bare(`/servers?${name}=${proxy.canary()}`)).status).toBe(401);
      expect((await bare(`/servers?${name}=${encodeURIComponent(proxy.secret)}`)).status).toBe(401);
    }
  });

  test("A8: /health needs no token, starts nothing, and says the same whatever goes on", async () => {
    const before = await (await bare("/health")).text();
    const session = await proxy.openSse("echo");
    const during = await (await bare("/health")).text();
    expect(during).toBe(before);
    expect(JSON.parse(before)).toMatchObject({ status: "ok" });
    session.close();
  });

  test("H6: no spelling of a public path opens a guarded route without a token", async () => {
    const hosts = [`127.0.0.1:${proxy.port}`, "", "x", "a?b", "/health"];
    const paths = [
      "/echo/sse?/health",
      "/echo/sse?/swagger",
      "/echo/sse#/health",
      "/servers?/health",
      "/health/../echo/sse",
      "/servers;/health",
    ];
    for (const host of hosts) {
      for (const path of paths) {
        for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
          const request = requestText(`GET ${path} ${version}`, [`Host: ${host}`, "Connection: close"]);
          const answer = await rawHttp(proxy.port, request);
          const [status = 0] = statuses(answer);
          // Some of these spellings are /health to the router, which is public; they must be nothing else.
          if (status === 200) expect(answer).toEndWith('\r\n\r\n{"status":"ok"}');
          else expect([400, 401, 403, 404]).toContain(status);
        }
      }
    }
    expect((await bare("/echo/sse?/health")).status).toBe(401);
    expect((await bare("/servers?/health")).status).toBe(401);
    expect(proxy.children()).toEqual([]);
  });
});

describe("too many requests", () => {
  test("A5: a client that guesses gets 429 with Retry-After, and the right secret is let in all the same", async () => {
    await using proxy = await startProxy({ config });
    const session = await proxy.openSse("echo");
    const seen: number[] = [];
    for (let guess = 0; guess < 100; guess++) {
      const answer = await fetch(`${proxy.url}/servers`, { headers: { Authorization: `Bearer wrong-guess-${guess}` } });
      seen.push(answer.status);
      if (answer.status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      await answer.arrayBuffer();
    }
    expect(new Set(seen)).toEqual(new Set([401, 429]));
    expect(seen.filter((status) => status === 401).length).toBeLessThan(50);
    expect((await proxy.fetch("/servers")).status).toBe(200);
    expect((await session.request("ping")).result).toEqual({});
    session.close();
    expect((await fetch(`${proxy.url}/health`)).status).toBe(200);
  });

  test("A6: forwarded addresses of a peer that is not trusted do not help", async () => {
    await using proxy = await startProxy({ config, env: { RATE_LIMIT_PER_MINUTE: "60", RATE_LIMIT_BURST: "3" } });
    const seen: Response[] = [];
    for (let hop = 0; hop < 6; hop++) {
      seen.push(
        await fetch(`${proxy.url}/servers`, {
          headers: { "X-Forwarded-For": `198.51.100.${hop}`, Forwarded: `for=198.51.100.${hop}` },
        }),
      );
    }
    expect(seen.slice(0, 3).map(({ status }) => status)).toEqual([401, 401, 401]);
    const refused = seen.at(-1);
    expect(refused?.status).toBe(429);
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused?.headers.get("ratelimit-policy")).toContain("q=");
    expect(refused?.headers.get("ratelimit")).toContain("r=0");
  });

  test("A6: behind a trusted proxy the rightmost untrusted hop is the client", async () => {
    const env = { RATE_LIMIT_PER_MINUTE: "60", RATE_LIMIT_BURST: "1", TRUSTED_PROXIES: "loopback" };
    await using proxy = await startProxy({ config, env });
    const from = async (forwarded: string): Promise<number> =>
      (await fetch(`${proxy.url}/servers`, { headers: { "X-Forwarded-For": forwarded } })).status;
    expect(await from("198.51.100.1")).toBe(401);
    expect(await from("203.0.113.9, 198.51.100.1")).toBe(429);
    expect(await from("198.51.100.2")).toBe(401);
    expect(await from("2001:db8::1")).toBe(401);
    expect(await from("2001:db8::ffff")).toBe(429);
  });
});
