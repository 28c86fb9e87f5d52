import { describe, expect, test } from "bun:test";
import { createLogger } from "../../src/base/logger.ts";
import { createEraFallback } from "../../src/bridge/era-fallback.ts";
import { createEraMemory } from "../../src/link/eras.ts";
import type { ConnectLink, LinkEnd, LinkEvents } from "../../src/link/link.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { scriptServer } from "../process/child-host.ts";
import { settle } from "./fake-source.ts";

type Found = ConnectLink | "legacy" | "unclear";

/** Another child, or the session's first one, in the test's hand. */
function createFakeLink() {
  const got: string[] = [];
  let events: LinkEvents | undefined;
  let state: "ok" | "full" | "closed" = "ok";
  let stops = 0;
  const connect: ConnectLink = (given) => {
    events = given;
    return {
      pid: 1,
      send: ({ line }) => {
        if (state === "ok") got.push(String(JSON.parse(line.toString()).id ?? line));
        return state;
      },
      dropped: () => 0,
      stop: async () => void stops++,
    };
  };
  return {
    connect,
    got,
    stops: () => stops,
    setState: (next: typeof state) => {
      state = next;
    },
    say: (message: object) => events?.onMessages([read({ jsonrpc: "2.0", ...message })]),
    end: (end: LinkEnd) => events?.onEnd(end),
  };
}

const scan = createJsonScanner(16);
const read = (message: object) => readClientMessage(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })), scan);
const CLOSED: LinkEnd = { kind: "closed", stream: "stdout", stderr: "" };
const REFUSAL = { id: "init", error: { code: -32022, message: "no" } };
const INITIALIZE = { id: "init", method: "initialize", params: {} };

function start(outboxBytes = 0, probeMs = 1) {
  const first = createFakeLink();
  const second = createFakeLink();
  const server = scriptServer("", { limits: { outboxBytes }, timeouts: { probeMs } });
  const eras = createEraMemory();
  const probe = Promise.withResolvers<Found>();
  const toClient: { readonly id?: unknown; readonly error?: { readonly data?: { readonly code?: string } } }[] = [];
  const ends: LinkEnd[] = [];
  const signals: AbortSignal[] = [];
  let started = 0;
  const connect = createEraFallback({
    exclusive: first.connect,
    bridge: {
      onto: () => first.connect,
      tryModern: (_server, _variables, signal) => {
        signals.push(signal);
        return probe.promise;
      },
    },
    eras,
    server,
    variables: new Map(),
    log: createLogger({ level: "ERROR", destination: { write: () => undefined } }),
    onStarted: () => started++,
  });
  const link = connect({
    onMessages: (messages) => {
      for (const { line } of messages) toClient.push(JSON.parse(line.toString()));
      return undefined;
    },
    onEnd: (end) => void ends.push(end),
  });
  return {
    first,
    second,
    link,
    toClient,
    ends,
    signals,
    started: () => started,
    known: () => eras.of(server),
    learn: (legacy: boolean) => eras.learn(server, { legacy }, true),
    send: (message: object) => link.send(read(message)),
    find: async (found: Found) => {
      probe.resolve(found);
      await settle();
    },
  };
}

describe("a child that takes initialize", () => {
  test("gets all that came behind it, in order, and is known for legacy", () => {
    const { first, send, toClient, known, started } = start();
    send({ id: 0, method: "ping" });
    send(INITIALIZE);
    send({ id: 1, method: "x" });
    send({ method: "notifications/initialized" });
    expect(first.got).toEqual(["0", "init"]);
    first.say({ id: "init", result: {} });
    send({ id: 2, method: "x" });
    expect(first.got.map((got) => (got.includes("initialized") ? "ready" : got))).toEqual([
      "0",
      "init",
      "1",
      "ready",
      "2",
    ]);
    expect(toClient.map(({ id }) => id)).toEqual(["init"]);
    expect([known().legacy, started()]).toEqual([true, 1]);
  });

  test("is asked and answered before that, and waits for nothing when it is known", () => {
    const { first, send, learn } = start();
    learn(true);
    send(INITIALIZE);
    send({ id: 1, method: "x" });
    expect(first.got).toEqual(["init", "1"]);
    const unknown = start();
    unknown.send(INITIALIZE);
    unknown.send({ id: "asked", result: {} });
    expect(unknown.first.got).toEqual(["init", "asked"]);
  });

  test("leaves nobody without an answer when it cannot take what was held", () => {
    for (const state of ["full", "closed"] as const) {
      const { first, send, toClient } = start();
      send(INITIALIZE);
      send({ id: 1, method: "x" });
      send({ method: "notifications/x" });
      first.setState(state);
      first.say({ id: "init", result: {} });
      expect(toClient[1]).toMatchObject({
        id: 1,
        error: { data: { code: state === "full" ? "child_busy" : "child_exited" } },
      });
      expect(toClient.length).toBe(2);
    }
  });

  test("is found full when more is held than limits.outboxBytes", () => {
    const { send } = start(100);
    send(INITIALIZE);
    expect(send({ id: 1, method: "x".repeat(200) })).toBe("ok");
    expect(send({ id: 2, method: "x" })).toBe("full");
  });
});

describe("a child that refuses initialize", () => {
  test("gives way to a modern one, which gets everything from initialize on", async () => {
    const { first, second, send, toClient, find, ends, started, link } = start();
    send({ id: 0, method: "ping" });
    send(INITIALIZE);
    send({ id: 1, method: "x" });
    first.say(REFUSAL);
    send({ id: 2, method: "x" });
    await find(second.connect);
    send({ id: 3, method: "x" });
    expect(second.got).toEqual(["init", "1", "2", "3"]);
    expect([toClient.length, first.stops(), started()]).toEqual([0, 1, 1]);
    first.end(CLOSED);
    expect(ends).toEqual([]);
    await link.stop();
    expect(second.stops()).toBe(1);
  });

  test("is heard when there is no modern one, and goes on", async () => {
    for (const found of ["legacy", "unclear"] as const) {
      const { first, send, toClient, find, known } = start();
      send(INITIALIZE);
      first.say(REFUSAL);
      send({ id: 1, method: "x" });
      expect(toClient).toEqual([]);
      await find(found);
      expect(toClient[0]).toMatchObject(REFUSAL);
      expect(first.got).toEqual(["init", "1"]);
      expect(known().modern).toBe(found === "legacy" ? false : undefined);
    }
  });

  test("is heard before its end, if it ends while another is asked", async () => {
    const { first, send, toClient, find, ends } = start();
    send(INITIALIZE);
    first.say(REFUSAL);
    first.end(CLOSED);
    expect(ends).toEqual([]);
    await find("legacy");
    expect(toClient[0]).toMatchObject(REFUSAL);
    expect(ends).toEqual([CLOSED]);
  });

  test("is heard at once when no server is ever asked for its era", () => {
    const { first, send, toClient, signals } = start(0, 0);
    send(INITIALIZE);
    first.say(REFUSAL);
    expect(toClient[0]).toMatchObject(REFUSAL);
    expect(signals).toEqual([]);
  });

  test("is gone when the session is, and so is the other, whenever it is found", async () => {
    const { first, second, send, signals, link, find, toClient } = start();
    send(INITIALIZE);
    first.say(REFUSAL);
    let isStopped = false;
    const stopping = link.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect([signals[0]?.aborted, first.stops(), isStopped]).toEqual([true, 1, false]);
    await find(second.connect);
    await stopping;
    expect([second.stops(), toClient.length]).toEqual([1, 0]);
  });
});
