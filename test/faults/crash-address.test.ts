import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless } from "../support/stateless.ts";
import { initializeBody, postTo } from "../support/streamable-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Asks a server as the client of an address does; the proxy's code for what went wrong, or that it was served. */
type Ask = (server: string, address: string) => Promise<string>;

const SERVED = "served";

let proxy: TestProxy;
const outcomeOf = ({ error }: { readonly error?: { readonly data?: Readonly<Record<string, unknown>> } }): string =>
  error === undefined ? SERVED : String(error.data?.["code"]);

const stateless: Ask = async (server, address) => {
  const headers = { "X-Forwarded-For": address };
  return outcomeOf((await callStateless(proxy, server, { method: "tools/list", headers })).answer);
};

const sessionless: Ask = async (server, address) => {
  const headers = { "X-Forwarded-For": address, "MCP-Protocol-Version": "2025-06-18" };
  const exchange = await postTo(proxy, server, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', headers);
  return outcomeOf(await exchange.answer());
};

const session: Ask = async (server, address) => {
  const exchange = await postTo(proxy, server, initializeBody("2025-11-25"), { "X-Forwarded-For": address });
  return outcomeOf(await exchange.answer());
};

const KINDS: readonly (readonly [string, Ask])[] = [
  ["a stateless request", stateless],
  ["a request without a session", sessionless],
  ["a session that shares its child", session],
];

const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-crash-address-"));
const fileOf = (server: string): string => join(place, server.replaceAll(" ", "-"));

beforeAll(async () => {
  const entries = KINDS.map(([kind]) => [kind, fixture("needs-file", [fileOf(kind)], { isolation: "shared" })]);
  proxy = await startProxy({
    config: {
      containment: "none",
      trustedProxies: ["loopback"],
      mcpServers: Object.fromEntries(entries),
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(async () => {
  await proxy.stop();
  rmSync(place, { recursive: true, force: true });
});

describe.each(KINDS)("%s", (server, ask) => {
  test("is served although another address's three before it have crashed the server", async () => {
    for (let crash = 1; crash <= 3; crash++) expect(await ask(server, "198.51.100.1")).toBe("child_exited");
    writeFileSync(fileOf(server), "");
    expect(await ask(server, "198.51.100.1")).toBe("crash_loop");
    expect(await ask(server, "198.51.100.2")).toBe(SERVED);
    // A child that is there is there for everybody.
    expect(await ask(server, "198.51.100.1")).toBe(SERVED);
  });
});
