import { describe, expect, test } from "bun:test";
import type { Subscribed } from "../../src/pool/subscriptions.ts";
import {
  createLegacyServerSubscription,
  type LegacyServerSubscription,
} from "../../src/stateless/legacy-server-subscription.ts";
import { createFakeSource, type FakeSource, settle } from "../bridge/fake-source.ts";
import type { Message } from "../support/sse-session.ts";

const UPDATED = "notifications/resources/updated";
const CHANGED = "notifications/tools/list_changed";
const OK: Subscribed = { kind: "ok" };

interface FakeListening {
  readonly listening: LegacyServerSubscription;
  readonly fake: FakeSource;
  /** What the client got, in order. */
  readonly toClient: readonly Message[];
  /** Subscriptions that the child has been asked for and not answered yet. */
  readonly open: Map<string, (subscribed: Subscribed) => void>;
  readonly removed: readonly string[];
  readonly publish: (method: string, params?: object) => void;
  readonly setSlow: () => void;
  readonly ends: () => number;
}

/** A client that listens at a made-up child, which is asked for subscriptions in the test's hand. */
async function listenFor(notifications: object): Promise<FakeListening> {
  const fake = createFakeSource("legacy");
  const toClient: Message[] = [];
  const open = new Map<string, (subscribed: Subscribed) => void>();
  const removed: string[] = [];
  let isSlow = false;
  let ends = 0;
  const take = (line: Buffer): void => void toClient.push(JSON.parse(line.toString()) as Message);
  const listening = createLegacyServerSubscription({
    children: {
      notifications: fake.notifications,
      subscriptions: {
        add: (_, uri) => new Promise((resolve) => open.set(uri, resolve)),
        remove: (uri) => void removed.push(uri),
        join: () => Promise.resolve(),
        leave: () => undefined,
      },
    },
    lease: await fake.source.lease("shared", new AbortController().signal),
    round: {
      line: Buffer.from(JSON.stringify({ params: { notifications } })),
      rawId: '"l"',
      method: "subscriptions/listen",
      envelope: { revision: "2026-07-28", clientInfo: undefined, capabilities: {}, logLevel: undefined },
      sink: {
        begin: () => undefined,
        notify: (line) => {
          take(line);
          return undefined;
        },
        isSlow: () => isSlow,
        answer: take,
        fail: () => undefined,
        cut: () => {
          toClient.push({ method: "cut" } as Message);
          listening.leave();
        },
      },
      header: () => null,
      client: () => "192.0.2.1",
    },
    onEnd: () => {
      ends++;
    },
  });
  const publish = (method: string, params?: object): void => {
    const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, ...(params && { params }) }));
    fake.notifications.publish({ line, method });
    // A line is the reader's again when it has been heard.
    line.fill(0);
  };
  const setSlow = (): void => {
    isSlow = true;
  };
  return { listening, fake, toClient, open, removed, publish, setSlow, ends: () => ends };
}

function answerAll(open: Map<string, (subscribed: Subscribed) => void>): void {
  for (const [uri, answer] of open) {
    open.delete(uri);
    answer(OK);
  }
}

describe("a subscription at a legacy child", () => {
  test("hears what comes while it is being set up behind the acknowledgement, of each kind and resource the last", async () => {
    const { listening, toClient, open, publish } = await listenFor({
      toolsListChanged: true,
      resourceSubscriptions: ["u:1", "u:2", "u:3"],
    });
    const started = listening.start();
    await settle();
    publish(UPDATED, { uri: "u:1", n: 1 });
    publish(UPDATED, { uri: "u:2" });
    publish(CHANGED);
    publish(UPDATED, { uri: "u:1", n: 2 });
    publish(UPDATED, { uri: "u:4" });
    publish("notifications/prompts/list_changed");
    open.get("u:2")?.({ kind: "too-many" });
    open.get("u:1")?.(OK);
    await settle();
    publish(UPDATED, { uri: "u:3" });
    expect(toClient).toEqual([]);
    open.get("u:3")?.(OK);
    await started;
    expect(toClient[0]?.params?.["notifications"]).toEqual({
      toolsListChanged: true,
      resourceSubscriptions: ["u:1", "u:3"],
    });
    expect(toClient.slice(1).map(({ method, params }) => [method, params?.["uri"], params?.["n"]])).toEqual([
      [UPDATED, "u:1", 2],
      [CHANGED, undefined, undefined],
      [UPDATED, "u:3", undefined],
    ]);
    for (const { params } of toClient)
      expect(params?.["_meta"]).toEqual({ "io.modelcontextprotocol/subscriptionId": "l" });
    publish(UPDATED, { uri: "u:2" });
    publish(UPDATED, { uri: "u:3" });
    expect(toClient.length).toBe(5);
  });

  test("keeps no more than one notification of a kind, however much comes", async () => {
    const { listening, toClient, open, publish } = await listenFor({
      toolsListChanged: true,
      resourceSubscriptions: ["u:1"],
    });
    const started = listening.start();
    for (let n = 0; n < 1_000; n++) {
      publish(UPDATED, { uri: "u:1" });
      publish(CHANGED);
    }
    answerAll(open);
    await started;
    expect(toClient.length).toBe(3);
  });

  test("to many resources is set up for several at a time, and for not too many", async () => {
    const uris = Array.from({ length: 40 }, (_, n) => `u:${n}`);
    const { listening, toClient, open } = await listenFor({ resourceSubscriptions: [...uris, "u:0"] });
    const started = listening.start();
    const waves: number[] = [];
    while (open.size > 0) {
      waves.push(open.size);
      answerAll(open);
      await settle();
    }
    await started;
    expect(waves).toEqual([16, 16, 8]);
    expect(toClient[0]?.params?.["notifications"]).toEqual({ resourceSubscriptions: uris });
  });

  test("that is left while it is being set up takes back what comes of it, and is heard of no more", async () => {
    const uris = Array.from({ length: 40 }, (_, n) => `u:${n}`);
    const { listening, fake, toClient, open, removed, publish, ends } = await listenFor({
      resourceSubscriptions: uris,
    });
    const started = listening.start();
    open.get("u:3")?.(OK);
    open.delete("u:3");
    await settle();
    listening.leave();
    expect(removed).toEqual(["u:3"]);
    publish(UPDATED, { uri: "u:3" });
    answerAll(open);
    await started;
    expect(removed.length).toBe(17);
    expect(open.size).toBe(0);
    expect(toClient).toEqual([]);
    expect(fake.events).toEqual(["1 shared", "1 pinned", "1 unpinned", "1 released"]);
    expect(ends()).toBe(1);
  });

  test("of a client that is too slow for what came before ends at once, and once", async () => {
    const { listening, toClient, open, publish, setSlow, ends } = await listenFor({
      toolsListChanged: true,
      resourceSubscriptions: ["u:1"],
    });
    const started = listening.start();
    publish(UPDATED, { uri: "u:1" });
    publish(CHANGED);
    setSlow();
    answerAll(open);
    await started;
    expect(toClient.map(({ method }) => method)).toEqual(["notifications/subscriptions/acknowledged", "cut"]);
    expect(ends()).toBe(1);
  });
});
