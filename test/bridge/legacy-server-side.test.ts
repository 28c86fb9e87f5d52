import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import type { Subscribed } from "../../src/pool/subscriptions.ts";
import { createFakeSide, type FakeSide } from "./fake-side.ts";
import { settle } from "./fake-source.ts";

const TOOL = { name: "x", arguments: {} };
const update = (uri: string) => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } })),
  method: "notifications/resources/updated",
});
const changed = {
  line: Buffer.from('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'),
  method: "notifications/tools/list_changed",
};

/** The child asks its client for something. */
function childAsks(fake: FakeSide, id: number, method = "elicitation/create"): void {
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params: { message: `${id}` } }));
  for (const { onRequest } of fake.listeners)
    onRequest({ line, message: { kind: "request", id: `${id}`, rawId: `${id}`, method } });
}

/** The child tells whoever has it alone something. */
function childTells(fake: FakeSide, method: string, params: object): void {
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params }));
  for (const { onNotification } of fake.listeners)
    void onNotification({ line, message: { kind: "notification", method } });
}

describe("a request to a legacy child that others use, too", () => {
  test("has the child alone when the client may be asked, and answers what the child asks", async () => {
    const fake = createFakeSide("legacy");
    await fake.request("1", "tools/call", TOOL);
    const call = await fake.call(0);
    expect(call.request).toMatchObject({ id: "1", method: "tools/call", params: TOOL });
    childAsks(fake, 1);
    childAsks(fake, 2);
    expect(fake.toClient.map(({ params }) => params?.["message"])).toEqual(["1", "2"]);
    fake.say(fake.toClient[1]?.id, { error: { code: -1, message: "no" } });
    fake.say(fake.toClient[0]?.id, { result: { action: "accept" } });
    await settle();
    expect(fake.written.map((line) => JSON.parse(line))).toEqual([
      { jsonrpc: "2.0", id: 2, error: { code: -1, message: "no" } },
      { jsonrpc: "2.0", id: 1, result: { action: "accept" } },
    ]);
    call.answer({ result: {} });
    expect(fake.events).toEqual(["1 alone", "1 parked", "1 parked", "1 back", "1 released"]);
    await fake.request("2", "tools/list");
    expect(fake.events.at(-1)).toBe("2 shared");
  });

  test("has its question taken back by the child, which then gets no answer", async () => {
    const fake = createFakeSide("legacy");
    await fake.request("1", "tools/call", TOOL);
    childAsks(fake, 7);
    childTells(fake, "notifications/cancelled", { requestId: 8 });
    expect(fake.toClient.length).toBe(1);
    childTells(fake, "notifications/cancelled", { requestId: 7 });
    expect(fake.toClient[1]).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: fake.toClient[0]?.id },
    });
    fake.say(fake.toClient[0]?.id, { result: {} });
    await settle();
    expect(fake.written).toEqual([]);
    expect(fake.events.at(-1)).toBe("1 back");
  });

  test("takes the questions along that nobody answered, and leaves the child to nobody then", async () => {
    for (const end of ["answer", "failure"] as const) {
      const fake = createFakeSide("legacy");
      await fake.request("1", "tools/call", TOOL);
      const call = await fake.call(0);
      childAsks(fake, 7);
      if (end === "answer") call.answer({ result: {} });
      else call.events.onFailure(new ProxyError("child_exited"));
      expect(fake.toClient[1]).toMatchObject({ method: "notifications/cancelled" });
      expect(fake.events.slice(2, 4)).toEqual(["1 retired", "1 released"]);
      expect(fake.toClient.length + fake.refusals.size).toBe(3);
    }
  });

  test("hears log messages from the level that the client has set on, and none before", async () => {
    const fake = createFakeSide("legacy");
    await fake.request("1", "tools/call", TOOL);
    childTells(fake, "notifications/message", { level: "emergency", data: "a" });
    (await fake.call(0)).answer({ result: {} });
    fake.side.setLogLevel("warning");
    await fake.request("2", "tools/list");
    expect((await fake.call(1)).request).toMatchObject({ method: "logging/setLevel", params: { level: "warning" } });
    expect((await fake.call(2)).method).toBe("tools/list");
    for (const level of ["debug", "notice", "warning", "emergency", "unheard of"])
      childTells(fake, "notifications/message", { level, data: "x" });
    const heard = fake.toClient.filter(({ method }) => method !== undefined).map(({ params }) => params?.["level"]);
    expect(heard).toEqual(["warning", "emergency", "unheard of"]);
  });

  test("leaves a child to nobody that may still be at work on it, for want of an answer", async () => {
    const fake = createFakeSide("legacy");
    await fake.request("1", "tools/call", TOOL);
    (await fake.call(0)).events.onFailure(new ProxyError("child_timeout"));
    expect(fake.events).toEqual(["1 alone", "1 retired", "1 released"]);
    fake.failNext("call", new ProxyError("child_busy"));
    await fake.request("2", "tools/call", TOOL);
    expect(fake.events.slice(3)).toEqual(["2 alone", "2 retired", "2 released"]);
    // One of many is given to others all along.
    await fake.request("3", "tools/list");
    (await fake.call(1)).events.onFailure(new ProxyError("child_timeout"));
    expect(fake.events.slice(6)).toEqual(["3 shared", "3 released"]);
    expect([...fake.refusals]).toEqual([
      ["1", "child_timeout"],
      ["2", "child_busy"],
      ["3", "child_timeout"],
    ]);
  });

  test("that is cancelled leaves a child to the others that share it", async () => {
    const fake = createFakeSide("legacy");
    await fake.request("1", "tools/list");
    fake.side.cancel("1", "enough");
    expect((await fake.call(0)).cancelled()).toBe("enough");
    expect(fake.events).toEqual(["1 shared", "1 released"]);
    await fake.request("2", "tools/call", TOOL);
    fake.side.cancel("2", "enough");
    expect(fake.events.slice(2)).toEqual(["2 alone", "2 retired", "2 released"]);
  });

  test("may have the id of one that was cancelled before it had a child", async () => {
    const fake = createFakeSide("legacy");
    fake.failNext("lease", new ProxyError("pool_full"));
    const first = fake.request("1", "tools/list");
    fake.side.cancel("1", "enough");
    await Promise.all([first, fake.request("1", "tools/list")]);
    expect(fake.refusals.size).toBe(0);
    (await fake.call(0)).answer({ result: {} });
    expect(fake.events).toEqual(["1 shared", "1 released"]);
  });
});

describe("what a session hears of children that others use, too", () => {
  test("is each changed list, and of resources those that it has subscribed to, once", async () => {
    const fake = createFakeSide("legacy");
    fake.notifications.publish(changed);
    await Promise.all([fake.side.open(), fake.side.open()]);
    await Promise.all([fake.side.subscribe("u:1"), fake.side.subscribe("u:1")]);
    for (const item of [
      changed,
      update("u:1"),
      update("u:2"),
      { ...update("u:1"), line: Buffer.from('{"params":{}}') },
    ])
      fake.notifications.publish(item);
    expect(fake.toClient.map(({ method, params }) => params?.["uri"] ?? method)).toEqual([changed.method, "u:1"]);
    expect(fake.events.filter((event) => event.startsWith("subscribe"))).toEqual(["subscribe u:1"]);
    await fake.side.unsubscribe("u:1");
    await fake.side.unsubscribe("u:1");
    fake.notifications.publish(update("u:1"));
    expect(fake.toClient.length).toBe(2);
    expect(fake.events.filter((event) => event.startsWith("unsubscribe"))).toEqual(["unsubscribe u:1"]);
    fake.side.close();
    fake.notifications.publish(changed);
    expect(fake.toClient.length).toBe(2);
  });

  test("includes an update that comes right behind the answer to its subscription", async () => {
    const fake = createFakeSide("legacy");
    await fake.side.open();
    const { promise, resolve } = Promise.withResolvers<Subscribed>();
    fake.setSubscribed(promise);
    const subscribing = fake.side.subscribe("u:1");
    await settle();
    resolve({ kind: "ok" });
    fake.notifications.publish(update("u:1"));
    await subscribing;
    expect(fake.toClient.length).toBe(1);
  });

  test("leaves no subscription behind that was refused, failed, or came too late", async () => {
    const fake = createFakeSide("legacy");
    await fake.side.open();
    const answer = Buffer.from('{"jsonrpc":"2.0","id":0,"error":{"code":-5,"message":"no"}}');
    fake.setSubscribed(Promise.resolve({ kind: "refused", answer }));
    expect(await fake.side.subscribe("u:1")).toBe('{"code":-5,"message":"no"}');
    fake.setSubscribed(Promise.resolve({ kind: "failed", error: new ProxyError("child_exited") }));
    await expect(fake.side.subscribe("u:2")).rejects.toThrow(ProxyError);
    const { promise, resolve } = Promise.withResolvers<Subscribed>();
    fake.setSubscribed(promise);
    const late = fake.side.subscribe("u:3");
    await settle();
    fake.side.close();
    resolve({ kind: "ok" });
    await late;
    await settle();
    expect(fake.events.filter((event) => event.startsWith("unsubscribe"))).toEqual(["unsubscribe u:3"]);
  });

  test("keeps a child there, another one when it is lost, and none when the session is over", async () => {
    const fake = createFakeSide("legacy");
    await fake.side.open();
    fake.loseChild();
    await settle();
    expect(fake.events.filter((event) => event.endsWith(" pinned") || event.endsWith(" unpinned"))).toEqual([
      "1 pinned",
      "1 unpinned",
      "2 pinned",
    ]);
    fake.side.close();
    await settle();
    expect(fake.events.at(-1)).toBe("2 unpinned");
    fake.loseChild();
    await settle();
    expect(fake.events.at(-1)).toBe("2 unpinned");
  });

  test("waits for the next request when no child can be had", async () => {
    const fake = createFakeSide("legacy");
    await fake.side.open();
    fake.failNext("lease", new ProxyError("crash_loop"));
    fake.loseChild();
    await settle();
    expect(fake.events.filter((event) => event.endsWith(" pinned")).length).toBe(1);
    await fake.request("1", "tools/list");
    await settle();
    expect(fake.events.filter((event) => event.endsWith(" pinned")).length).toBe(2);
  });
});
