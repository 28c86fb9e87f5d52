import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createFakeSide, type FakeSide } from "./fake-side.ts";
import { type FakeCall, settle } from "./fake-source.ts";

const wantedBy = ({ request }: FakeCall): unknown => request.params?.["notifications"];
const acknowledge = (call: FakeCall, resourceSubscriptions?: readonly string[]): void =>
  call.notify("notifications/subscriptions/acknowledged", { notifications: { resourceSubscriptions } });

async function open(fake: FakeSide): Promise<void> {
  const opening = fake.side.open();
  acknowledge(await fake.call(0));
  await opening;
}

describe("what a legacy client hears of a modern server", () => {
  test("is one subscription for lists and resources, and the next begins before the last ends", async () => {
    const fake = createFakeSide("modern");
    await open(fake);
    expect(wantedBy(await fake.call(0))).toEqual({ toolsListChanged: true });
    const subscribing = fake.side.subscribe("u:1");
    const second = await fake.call(1);
    expect(wantedBy(second)).toEqual({ toolsListChanged: true, resourceSubscriptions: ["u:1"] });
    expect((await fake.call(0)).cancelled()).toBeUndefined();
    acknowledge(second, ["u:1"]);
    expect(await subscribing).toBeUndefined();
    expect((await fake.call(0)).cancelled()).toBeDefined();
    second.notify("notifications/resources/updated", {
      uri: "u:1",
      _meta: { "io.modelcontextprotocol/subscriptionId": 0 },
    });
    expect(fake.toClient).toEqual([
      { jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri: "u:1", _meta: {} } },
    ]);
  });

  test("changes in the client's order, and leaves nothing open when changes come at once", async () => {
    const fake = createFakeSide("modern");
    await open(fake);
    const changes = [
      fake.side.subscribe("u:1"),
      fake.side.subscribe("u:2"),
      fake.side.unsubscribe("u:1"),
      fake.side.subscribe("u:2"),
    ];
    for (let n = 1; n < 4; n++) acknowledge(await fake.call(n), ["u:1", "u:2"]);
    expect(await Promise.all(changes)).toEqual([undefined, undefined, undefined, undefined]);
    expect(fake.calls.map(wantedBy).at(-1)).toEqual({ toolsListChanged: true, resourceSubscriptions: ["u:2"] });
    expect(fake.calls.map((call) => call.cancelled() === undefined)).toEqual([false, false, false, true]);
  });

  test("stays as it was when the server does not agree, or cannot be asked", async () => {
    const fake = createFakeSide("modern");
    await open(fake);
    const refused = fake.side.subscribe("u:1");
    acknowledge(await fake.call(1), []);
    expect(await refused).toContain("-32602");
    const unanswered = fake.side.subscribe("u:2");
    (await fake.call(2)).answer({ error: { code: -32601, message: "?" } });
    expect(await unanswered).toContain("-32602");
    fake.failNext("call", new ProxyError("child_busy"));
    await expect(fake.side.subscribe("u:3")).rejects.toThrow(ProxyError);
    fake.failNext("lease", new ProxyError("pool_full"));
    await expect(fake.side.subscribe("u:4")).rejects.toThrow(ProxyError);
    // One listening is left, and nothing is kept for those that failed.
    const counts = ["pinned", "unpinned"].map(
      (what) => fake.events.filter((event) => event.endsWith(` ${what}`)).length,
    );
    expect(counts).toEqual([4, 3]);
    const last = fake.side.subscribe("u:5");
    const call = await fake.call(3);
    expect(wantedBy(call)).toEqual({ toolsListChanged: true, resourceSubscriptions: ["u:5"] });
    acknowledge(call, ["u:5"]);
    expect(await last).toBeUndefined();
  });

  test("goes on at another child when that one is lost", async () => {
    const fake = createFakeSide("modern");
    await open(fake);
    const subscribing = fake.side.subscribe("u:1");
    acknowledge(await fake.call(1), ["u:1"]);
    await subscribing;
    (await fake.call(1)).events.onFailure(new ProxyError("child_exited"));
    const again = await fake.call(2);
    expect(wantedBy(again)).toEqual({ toolsListChanged: true, resourceSubscriptions: ["u:1"] });
    acknowledge(again, ["u:1"]);
  });

  test("comes back with the next request when no child could be had, or the server has ended it", async () => {
    const fake = createFakeSide("modern");
    await open(fake);
    fake.failNext("lease", new ProxyError("crash_loop"));
    (await fake.call(0)).events.onFailure(new ProxyError("child_exited"));
    await settle();
    expect(fake.calls.length).toBe(1);
    await Promise.all(["1", "2", "3"].map((id) => fake.request(id, "tools/list")));
    await settle();
    const listens = fake.calls.filter(({ method }) => method === "subscriptions/listen");
    expect(listens.length).toBe(2);
    acknowledge(listens[1] ?? (await fake.call(0)));
    await settle();
    listens[1]?.answer({ result: {} });
    await settle();
    await fake.request("4", "tools/list");
    await settle();
    expect(fake.calls.filter(({ method }) => method === "subscriptions/listen").length).toBe(3);
  });

  test("is nothing when the server has nothing to tell, and ends with the last resource", async () => {
    const fake = createFakeSide("modern", false, { resources: { subscribe: true } });
    await fake.side.open();
    expect(fake.calls.length).toBe(0);
    const subscribing = fake.side.subscribe("u:1");
    acknowledge(await fake.call(0), ["u:1"]);
    await subscribing;
    await fake.side.unsubscribe("u:1");
    await fake.side.unsubscribe("u:1");
    expect((await fake.call(0)).cancelled()).toBeDefined();
    expect(fake.events.at(-1)).toBe("1 released");
    expect(fake.calls.length).toBe(1);
  });

  test("is given up at once when the session ends while it begins", async () => {
    const fake = createFakeSide("modern");
    const opening = fake.side.open();
    const call = await fake.call(0);
    fake.side.close();
    await opening;
    expect(call.cancelled()).toBeDefined();
    expect(fake.events).toEqual(["1 shared", "1 pinned", "1 unpinned", "1 released"]);
  });
});
