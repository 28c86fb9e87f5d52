import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createModernServerCall } from "../../src/stateless/modern-server-call.ts";
import { createFakeSource } from "../bridge/fake-source.ts";
import { createFakeRound } from "./fake-round.ts";

async function begin({ isAlone = false, isEndless = false, fails = false } = {}) {
  const fake = createFakeSource("modern");
  const client = createFakeRound({ params: { name: "x" } });
  let ends = 0;
  const lease = await fake.source.lease(isAlone ? "alone" : "shared", new AbortController().signal);
  if (fails) fake.failNext("call", new ProxyError("child_busy"));
  const call = createModernServerCall({
    lease,
    isAlone,
    round: client.round,
    isEndless,
    onEnd: () => {
      ends++;
    },
  });
  call.start();
  return { fake, client, call, ends: () => ends };
}

describe("a call of a modern server by a modern client", () => {
  test("is passed through, what belongs to it before its answer", async () => {
    const { fake, client, ends } = await begin();
    const sent = await fake.call(0);
    sent.notify("notifications/progress", { progress: 1 });
    sent.answer({ result: { content: [] } });
    expect(client.messages).toMatchObject([{ method: "notifications/progress" }, { result: { content: [] } }]);
    expect([fake.events, ends()]).toEqual([["1 shared", "1 released"], 1]);
  });

  test("hears the log where it has the child alone, and no end of what was never its own", async () => {
    const { fake, client } = await begin({ isAlone: true });
    for (const method of ["notifications/message", "notifications/cancelled"])
      for (const { onNotification } of fake.listeners)
        void onNotification({
          line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", method })),
          message: { kind: "notification", method },
        });
    expect(client.messages.map(({ method }) => method)).toEqual(["notifications/message"]);
  });

  test("that its client leaves is cancelled once; a child that it had alone goes to nobody else", async () => {
    for (const isAlone of [true, false]) {
      const { fake, call, ends } = await begin({ isAlone });
      call.leave();
      call.leave();
      expect((await fake.call(0)).cancelled()).toBe("the client closed its stream");
      expect(fake.events.slice(1)).toEqual(isAlone ? ["1 retired", "1 released"] : ["1 released"]);
      expect(ends()).toBe(1);
    }
  });

  test("keeps nobody waiting for a client that is slow, and ends a subscription that is", async () => {
    const { fake, client } = await begin();
    client.setSlow();
    (await fake.call(0)).notify("notifications/progress", {});
    expect([client.messages, client.isCut()]).toEqual([[], false]);
    const listening = await begin({ isEndless: true });
    listening.client.setSlow();
    (await listening.fake.call(0)).notify("notifications/tools/list_changed", {});
    expect(listening.client.isCut()).toBe(true);
  });

  test("fails as the child does, and a subscription ends without a word", async () => {
    const { fake, client, ends } = await begin({ isAlone: true });
    (await fake.call(0)).events.onFailure(new ProxyError("child_timeout"));
    expect(client.failure()?.code).toBe("child_timeout");
    expect([fake.events, ends()]).toEqual([["1 alone", "1 retired", "1 released"], 1]);
    const listening = await begin({ isEndless: true });
    (await listening.fake.call(0)).events.onFailure(new ProxyError("child_exited"));
    expect([listening.client.isCut(), listening.client.failure()]).toEqual([true, undefined]);
    const busy = await begin({ fails: true });
    expect([busy.client.failure()?.code, busy.fake.events, busy.ends()]).toEqual([
      "child_busy",
      ["1 shared", "1 released"],
      1,
    ]);
  });
});
