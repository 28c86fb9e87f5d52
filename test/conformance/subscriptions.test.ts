/**
 * What the suite takes for a mere warning or does not look at: a stateless client's subscriptions, through the executable, onto the
 * suite's servers of both eras.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessStream } from "../support/stateless.ts";

const WATCHED_URI = "test://watched-resource";

let proxy: TestProxy;

beforeAll(async () => {
  const mcpServers = { legacy: fixture("conformance/server"), modern: fixture("conformance-modern/server") };
  proxy = await startProxy({ binary: true, config: { mcpServers } });
}, TEST_MS);

afterAll(() => proxy.stop());

/** Opens the subscription `id`, and waits until the server has said which notifications it will send. */
async function listen(server: string, id: string, notifications: Readonly<Record<string, unknown>>) {
  const stream = openStateless(proxy, server, { method: "subscriptions/listen", id, params: { notifications } });
  expect(await stream.next()).toMatchObject({
    method: "notifications/subscriptions/acknowledged",
    params: { notifications, ...tag(id) },
  });
  return stream;
}

function tag(id: string) {
  return { _meta: { "io.modelcontextprotocol/subscriptionId": id } };
}

async function callTool(server: string, name: string): Promise<void> {
  const { answer } = await callStateless(proxy, server, { method: "tools/call", params: { name, arguments: {} } });
  expect(answer).toMatchObject({ result: { resultType: "complete" } });
}

/** The methods of all that came on a stream. */
function methods(stream: StatelessStream): readonly unknown[] {
  return stream.messages().map(({ method }) => method);
}

describe.each(["legacy", "modern"])("a subscription onto a %s server", (server) => {
  test.each([
    ["toolsListChanged", "test_trigger_tool_change", "notifications/tools/list_changed"],
    ["promptsListChanged", "test_trigger_prompt_change", "notifications/prompts/list_changed"],
  ])("with %s tells of a change that a tool made, under the subscription's id", async (wanted, tool, method) => {
    await using stream = await listen(server, `listens-for-${wanted}`, { [wanted]: true });
    await callTool(server, tool);
    expect(await stream.next()).toMatchObject({ method, params: tag(`listens-for-${wanted}`) });
  });

  test("to a resource tells of its update, under the subscription's id", async () => {
    await using stream = await listen(server, "watches", { resourceSubscriptions: [WATCHED_URI] });
    await callTool(server, "test_trigger_resource_update");
    expect(await stream.next()).toMatchObject({
      method: "notifications/resources/updated",
      params: { uri: WATCHED_URI, ...tag("watches") },
    });
  });

  test("tells nothing of what it was not asked for", async () => {
    await using stream = await listen(server, "listens-for-prompts", { promptsListChanged: true });
    await callTool(server, "test_trigger_tool_change");
    await callTool(server, "test_trigger_resource_update");
    // What this one sends is the first that may come.
    await callTool(server, "test_trigger_prompt_change");
    await stream.next();
    expect(methods(stream)).toEqual(["notifications/subscriptions/acknowledged", "notifications/prompts/list_changed"]);
  });

  test("tells each of two subscribers once, each under its own id", async () => {
    await using one = await listen(server, "one", { toolsListChanged: true });
    await using other = await listen(server, "other", { toolsListChanged: true, promptsListChanged: true });
    await callTool(server, "test_trigger_tool_change");
    await callTool(server, "test_trigger_prompt_change");
    expect(await other.next()).toMatchObject({ method: "notifications/tools/list_changed", params: tag("other") });
    expect(await other.next()).toMatchObject({ method: "notifications/prompts/list_changed", params: tag("other") });
    expect(await one.next()).toMatchObject({ method: "notifications/tools/list_changed", params: tag("one") });
    expect(one.messages()).toHaveLength(2);
  });
});
