import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createLogger } from "../../src/base/logger.ts";
import { createBridgedLink } from "../../src/bridge/bridged-link.ts";
import type { LinkEnd } from "../../src/link/link.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import type { Message } from "../support/sse-session.ts";
import { createFakeSource, settle } from "./fake-source.ts";

const scan = createJsonScanner(16);
const INITIALIZE = { id: "init", method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {} } };

function start(capabilities?: object, outboxBytes = 0) {
  const fake = createFakeSource("modern", false, capabilities);
  const toClient: Message[] = [];
  const ends: LinkEnd[] = [];
  let stops = 0;
  let taken: Promise<void> | undefined;
  const gate = Promise.withResolvers<void>();
  const connect = createBridgedLink({
    serverName: "named",
    sourceFor: () => ({
      ...fake.source,
      lease: async (mode, signal) => {
        await gate.promise;
        return fake.source.lease(mode, signal);
      },
    }),
    outboxBytes,
    pid: undefined,
    dropped: () => 0,
    stop: async () => void stops++,
    log: createLogger({ level: "ERROR", destination: { write: () => undefined } }),
  });
  const link = connect({
    onMessages: (messages) => {
      for (const { line } of messages) toClient.push(JSON.parse(line.toString()) as Message);
      return taken;
    },
    onEnd: (end) => void ends.push(end),
  });
  const send = (message: object) =>
    link.send(readClientMessage(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })), scan));
  return {
    ...fake,
    link,
    send,
    toClient,
    ends,
    stops: () => stops,
    setSlow: () => {
      taken = new Promise(() => undefined);
    },
    ready: async () => {
      gate.resolve();
      await settle();
    },
    open: async () => {
      send(INITIALIZE);
      gate.resolve();
      await settle();
      toClient.length = 0;
    },
  };
}

describe("a bridged session", () => {
  test("answers initialize itself, in the client's revision, and under the server's name", async () => {
    const { send, ready, toClient } = start();
    send(INITIALIZE);
    await settle();
    expect(toClient).toEqual([]);
    await ready();
    expect(toClient[0]).toMatchObject({
      id: "init",
      result: { protocolVersion: "2025-06-18", serverInfo: { name: "named", version: "unknown" } },
    });
  });

  test("pins what comes before that in its order, and is full beyond limits.outboxBytes", async () => {
    const { send, ready, calls } = start(undefined, 400);
    send(INITIALIZE);
    send({ id: 1, method: "tools/list" });
    await settle();
    expect(send({ id: 2, method: "tools/call", params: { name: "x" } })).toBe("ok");
    expect(send({ id: 3, method: "x".repeat(400) })).toBe("full");
    await ready();
    expect(calls.map(({ method }) => method)).toEqual(["tools/list", "tools/call"]);
  });

  test("refuses what must not come before initialize, and a second one", async () => {
    const { send, open, toClient, calls } = start();
    send({ id: 1, method: "tools/list" });
    send({ id: 2, method: "ping" });
    send({ method: "notifications/initialized" });
    send({ method: "notifications/cancelled", params: { requestId: 1 } });
    send({ id: 9, result: {} });
    await settle();
    expect(toClient.map(({ id, error }) => [id, error?.code])).toEqual([
      [1, -32600],
      [2, undefined],
    ]);
    await open();
    send({ ...INITIALIZE, id: "again" });
    await settle();
    expect(toClient[0]).toMatchObject({ id: "again", error: { code: -32600 } });
    expect(calls.length).toBe(0);
  });

  test("sets no log level at a server that has no log messages", async () => {
    const { send, open, toClient, calls } = start({ tools: {} });
    await open();
    send({ id: 1, method: "logging/setLevel", params: { level: "debug" } });
    await settle();
    expect(toClient[0]?.error?.code).toBe(-32601);
    send({ id: 2, method: "tools/list" });
    await settle();
    expect(JSON.stringify(calls[0]?.request)).not.toContain("logLevel");
  });

  test("refuses levels and resources that are none", async () => {
    const { send, open, toClient } = start();
    await open();
    const wrong = [undefined, null, {}, { level: 1, uri: 1 }, { level: "loud", uri: null }, [], "x"];
    for (const [n, params] of wrong.entries()) {
      send({ id: `l${n}`, method: "logging/setLevel", params });
      send({ id: `s${n}`, method: "resources/subscribe", params });
      send({ id: `u${n}`, method: "resources/unsubscribe", params });
    }
    send({ method: "notifications/cancelled", params: { requestId: null } });
    send({ method: "notifications/cancelled" });
    await settle();
    expect(toClient.length).toBe(3 * wrong.length);
    expect(new Set(toClient.map(({ error }) => error?.code))).toEqual(new Set([-32602]));
  });

  test("ends with the reason when there is no child to be had, once", async () => {
    const { send, failNext, ready, ends } = start();
    failNext("lease", new ProxyError("pool_full", { retryAfterSeconds: 10 }));
    send(INITIALIZE);
    await ready();
    expect(ends).toMatchObject([{ kind: "failed", code: "pool_full" }]);
    send({ id: 2, method: "ping" });
    await settle();
    expect(ends.length).toBe(1);
  });

  test("ends when its client takes nothing, and does not keep its child from others", async () => {
    const { send, open, calls, setSlow, ends, toClient } = start(undefined, 1_000);
    await open();
    setSlow();
    for (let id = 1; id <= 5; id++) send({ id, method: "tools/list" });
    await settle();
    const text = "x".repeat(600);
    for (const call of calls) {
      call.notify("notifications/progress", { text });
      expect(call.events.onAnswer(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"text":"${text}"}}`))).toBeUndefined();
    }
    expect(ends.length).toBe(1);
    expect(toClient.length).toBeLessThan(4);
  });

  test("leaves nothing when it is stopped, whenever that is", async () => {
    const early = start();
    early.send(INITIALIZE);
    await settle();
    await early.link.stop();
    await early.ready();
    expect([early.ends.length, early.toClient.length, early.stops()]).toEqual([0, 0, 1]);
    const late = start();
    await late.open();
    late.send({ id: 1, method: "tools/list" });
    await settle();
    await late.link.stop();
    expect(late.calls[0]?.cancelled()).toBeDefined();
    late.calls[0]?.answer({ result: {} });
    expect([late.ends.length, late.toClient.length, late.stops()]).toEqual([0, 0, 1]);
  });
});
