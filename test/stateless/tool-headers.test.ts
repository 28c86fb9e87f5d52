import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createToolHeaders } from "../../src/stateless/tool-headers.ts";
import { createFakeSource, type FakeSource } from "../bridge/fake-source.ts";

const lease = (fake: FakeSource) => fake.source.lease("shared", new AbortController().signal);
const tool = (name: string) => ({
  name,
  inputSchema: { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" } } },
});

describe("the headers of a server's tools", () => {
  test("are read page by page, for as long as there is another one", async () => {
    const fake = createFakeSource("legacy");
    const headers = createToolHeaders().of(await lease(fake), fake.notifications, "b", false);
    (await fake.call(0)).answer({ result: { tools: [tool("a")], nextCursor: "2" } });
    const second = await fake.call(1);
    expect(second.request.params).toEqual({ cursor: "2" });
    second.answer({ result: { tools: [tool("b")] } });
    expect((await headers).length).toBe(1);
    expect(fake.calls.length).toBe(2);
  });

  test.each([null, 1, false, {}, undefined])("end with a page whose next cursor is %p", async (nextCursor) => {
    const fake = createFakeSource("modern");
    const headers = createToolHeaders().of(await lease(fake), fake.notifications, "a", false);
    (await fake.call(0)).answer({ result: { tools: [tool("a")], nextCursor } });
    expect((await headers).length).toBe(1);
    expect(fake.calls.length).toBe(1);
  });

  test("end with a page that names itself as the next", async () => {
    const fake = createFakeSource("legacy");
    const headers = createToolHeaders().of(await lease(fake), fake.notifications, "a", false);
    for (const n of [0, 1]) (await fake.call(n)).answer({ result: { tools: [tool("a")], nextCursor: "" } });
    expect((await headers).length).toBe(1);
    expect(fake.calls.length).toBe(2);
  });

  test("are none of a server that takes too long to list its tools, which is told to leave it", async () => {
    const fake = createFakeSource("legacy");
    const toolHeaders = createToolHeaders(1);
    expect(await toolHeaders.of(await lease(fake), fake.notifications, "a", false)).toEqual([]);
    expect((await fake.call(0)).cancelled()).toBeDefined();
    // The next caller's server may be quicker.
    const next = toolHeaders.of(await lease(fake), fake.notifications, "a", false);
    await fake.call(1);
    expect(await next).toEqual([]);
  });

  test("are asked of a server that is mute once, and again when its list has changed", async () => {
    const fake = createFakeSource("legacy");
    const toolHeaders = createToolHeaders(1);
    const one = await lease(fake);
    for (const fresh of [false, false, true])
      expect(await toolHeaders.of(one, fake.notifications, "a", fresh)).toEqual([]);
    expect(fake.calls.length).toBe(1);
    const method = "notifications/tools/list_changed";
    fake.notifications.publish({ line: Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`), method });
    expect(await toolHeaders.of(one, fake.notifications, "a", false)).toEqual([]);
    expect(fake.calls.length).toBe(2);
  });

  test("are none of a server that is gone, or busy", async () => {
    const fake = createFakeSource("legacy");
    const toolHeaders = createToolHeaders();
    const lost = toolHeaders.of(await lease(fake), fake.notifications, "a", false);
    (await fake.call(0)).events.onFailure(new ProxyError("child_exited"));
    expect(await lost).toEqual([]);
    fake.failNext("call", new ProxyError("child_busy"));
    expect(await toolHeaders.of(await lease(fake), fake.notifications, "a", false)).toEqual([]);
  });
});
