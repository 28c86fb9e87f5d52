import { afterAll, beforeAll, describe, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Route } from "./client.ts";
import { CONNECT } from "./clients.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const URI = "late://resource";

let proxy: TestProxy;
let route: Omit<Route, "root">;
beforeAll(async () => {
  proxy = await startProxy({ config: { mcpServers: { late: fixture("late-subscription") } } });
  route = { url: `${proxy.url}/late/mcp`, headers: { Authorization: `Bearer ${proxy.secret}` } };
});
afterAll(() => proxy.stop());

// A client that can be asked has a child of its own for its call: not the one that the subscription was asked of.
describe("a modern client's subscription at legacy children", () => {
  test("holds for a child that is started afterwards, from its first call on", async () => {
    const client = await CONNECT["v2-modern"]({ ...route, root: "file:///engine" });
    await client.subscribe(URI);
    await client.call("touch", {});
    await eventually("the update", () => client.updated.includes(URI));
    await client.close();
  });

  test("holds for a child that is there already, from when it is acknowledged", async () => {
    const client = await CONNECT["v2-modern"]({ ...route, root: "file:///engine" });
    await client.subscribe("late://first");
    await client.call("touch", {});
    await client.subscribe(URI);
    await client.call("touch", {});
    await eventually("the update", () => client.updated.includes(URI));
    await client.close();
  });
});
