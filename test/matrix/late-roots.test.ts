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

describe("children that were told roots", () => {
  const started = () => proxy.log.lines.filter(({ msg }) => msg === "pooled child started").length;

  test("serve the next calls of clients with the same roots, so that ten calls start no child more", async () => {
    const client = await CONNECT["v2-modern"](route);
    expect(await client.call("roots", {})).toBe(ROOT);
    const before = started();
    for (let call = 1; call <= 10; call++) expect(await client.call("roots", {})).toBe(ROOT);
    expect(started()).toBe(before);
    await client.close();
  });

  test("serve no client with other roots", async () => {
    const others = ["file:///a", "file:///b", ROOT, "file:///a"];
    for (const root of others) {
      const client = await CONNECT["v2-modern"]({ ...route, root });
      expect(await client.call("roots", {})).toBe(root);
      await client.close();
    }
  });
});
