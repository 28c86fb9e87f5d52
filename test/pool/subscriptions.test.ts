import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import type { CallEvents } from "../../src/link/call-events.ts";
import type { Call, SharedLink } from "../../src/link/shared.ts";
import { createSubscriptions } from "../../src/pool/subscriptions.ts";
import { eventually } from "../support/eventually.ts";

const NO_CALL: Call = { cancel: () => {}, pause: () => {}, goOn: () => {}, resume: () => {} };
const OK = Buffer.from('{"jsonrpc":"2.0","id":0,"result":{}}');
const REFUSED = Buffer.from('{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}');

/** A child that answers when it is told to, and what it was asked: `+uri` and `-uri`. */
function child() {
  const asked: string[] = [];
  const owed: CallEvents[] = [];
  const link: SharedLink = {
    pid: 1,
    spoke: Promise.resolve(),
    call: ({ line }, events) => {
      const { method, params } = JSON.parse(line.toString()) as { method: string; params: { uri: string } };
      asked.push(`${method === "resources/subscribe" ? "+" : "-"}${params.uri}`);
      owed.push(events);
      return NO_CALL;
    },
    write: () => {},
    startWords: () => ({ stderr: "", reason: undefined }),
    inFlight: () => owed.length,
    listen: () => {},
    ended: new Promise(() => {}),
    isEnded: () => false,
    stop: () => Promise.resolve(),
  };
  return {
    link,
    asked,
    answer: (line = OK) => {
      for (const events of owed.splice(0)) events.onAnswer(line);
    },
    fail: () => {
      for (const events of owed.splice(0)) events.onFailure(new ProxyError("child_exited"));
    },
  };
}

describe("subscriptions to resources", () => {
  test("are made once for all who want them, and taken back with the last one", async () => {
    const { link, asked, answer } = child();
    const subscriptions = createSubscriptions();
    void subscriptions.join(link);
    const both = Promise.all([subscriptions.add(link, "a"), subscriptions.add(link, "a")]);
    answer();
    expect(await both).toEqual([{ kind: "ok" }, { kind: "ok" }]);
    subscriptions.remove("a");
    expect(asked).toEqual(["+a"]);
    subscriptions.remove("a");
    subscriptions.remove("a");
    expect(asked).toEqual(["+a", "-a"]);
  });

  test("outlive somebody who takes theirs back while another's is under way", async () => {
    const { link, asked, answer } = child();
    const subscriptions = createSubscriptions();
    void subscriptions.join(link);
    const first = subscriptions.add(link, "a");
    answer();
    await first;
    const second = subscriptions.add(link, "a");
    subscriptions.remove("a");
    answer();
    expect(await second).toEqual({ kind: "ok" });
    expect(asked).toEqual(["+a"]);
  });

  test("are had by every child: by those that are there, and by one that comes later", async () => {
    const [one, other, late] = [child(), child(), child()];
    const subscriptions = createSubscriptions();
    void subscriptions.join(one.link);
    void subscriptions.join(other.link);
    const added = subscriptions.add(one.link, "a");
    one.answer();
    await eventually("the other to be asked", () => other.asked.length === 1);
    other.answer();
    expect(await added).toEqual({ kind: "ok" });
    void subscriptions.join(late.link);
    expect([one.asked, other.asked, late.asked]).toEqual([["+a"], ["+a"], ["+a"]]);
    subscriptions.leave(one.link);
    subscriptions.remove("a");
    expect([one.asked, other.asked, late.asked]).toEqual([["+a"], ["+a", "-a"], ["+a", "-a"]]);
  });

  test("that the server refuses are not held, and may be tried again", async () => {
    const { link, asked, answer } = child();
    const subscriptions = createSubscriptions();
    const refused = subscriptions.add(link, "a");
    answer(REFUSED);
    expect((await refused).kind).toBe("refused");
    const again = subscriptions.add(link, "a");
    answer();
    expect(await again).toEqual({ kind: "ok" });
    expect(asked).toEqual(["+a", "+a"]);
  });

  test("that fail with one's child are made at the child of the other who wants them", async () => {
    const [lost, good] = [child(), child()];
    const subscriptions = createSubscriptions();
    const first = subscriptions.add(lost.link, "a");
    const second = subscriptions.add(good.link, "a");
    lost.fail();
    expect((await first).kind).toBe("failed");
    await Promise.resolve();
    good.answer();
    expect(await second).toEqual({ kind: "ok" });
    expect(good.asked).toEqual(["+a"]);
  });
});
