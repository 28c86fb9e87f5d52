import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Route } from "./client.ts";
import { CONNECT } from "./clients.ts";

const ROOT = "file:///engine";

let proxy: TestProxy;
let route: Route;
beforeAll(async () => {
  proxy = await startProxy({ config: { mcpServers: { late: fixture("late-roots") } } });
  route = { url: `${proxy.url}/late/mcp`, headers: { Authorization: `Bearer ${proxy.secret}` }, root: ROOT };
});
afterAll(() => proxy.stop());

describe("a legacy server that asks for roots when it is initialised", () => {
  test("has made use of a modern client's roots before it gets the client's call, each time", async () => {
    const client = await CONNECT["v2-modern"](route);
    for (let call = 1; call <= 3; call++) expect(await client.call("roots", {})).toBe(ROOT);
    await client.close();
  });
});
