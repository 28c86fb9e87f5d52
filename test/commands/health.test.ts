import { afterEach, describe, expect, test } from "bun:test";
import { runProxy } from "../support/launch.ts";

const servers: Bun.Server<undefined>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) void server.stop(true);
});

/** Something that answers /health with this status, and what it was asked. */
function serveHealth(status: number) {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return Response.json({ status: status === 200 ? "ok" : "draining" }, { status });
    },
  });
  servers.push(server);
  return { port: String(server.port), asked };
}

const check = (port: string, env: Readonly<Record<string, string>> = {}) =>
  runProxy({ command: "health", env: { PORT: port, MAXIM_SECRET: undefined, HOST: "127.0.0.1", ...env } });

describe("health", () => {
  test("succeeds when the instance says that it is well, and needs no secret", async () => {
    const { port, asked } = serveHealth(200);
    const { exitCode, output } = await check(port);
    expect([exitCode, asked]).toEqual([0, ["GET /health"]]);
    expect(output).toContain('200 {"status":"ok"}');
  });

  test("asks on this host when the instance listens on every address, under its base path", async () => {
    const { port, asked } = serveHealth(200);
    const { exitCode } = await check(port, { HOST: "0.0.0.0", BASE_PATH: "/mcp" });
    expect([exitCode, asked]).toEqual([0, ["GET /mcp/health"]]);
  });

  test.each(["HTTP_PROXY", "http_proxy"])("asks the instance itself and no %s", async (name) => {
    const { port, asked } = serveHealth(200);
    const { exitCode } = await check(port, { [name]: "http://127.0.0.1:9" });
    expect([exitCode, asked]).toEqual([0, ["GET /health"]]);
  });

  test("fails when the instance is draining, and when nobody answers", async () => {
    expect((await check(serveHealth(503).port)).exitCode).toBe(1);
    const { port } = serveHealth(200);
    for (const server of servers.splice(0)) await server.stop(true);
    const { exitCode, output } = await check(port);
    expect(exitCode).toBe(1);
    expect(output).toContain("is the proxy running there?");
  });
});
