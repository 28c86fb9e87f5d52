import { describe, expect, test } from "bun:test";
import { createLogger } from "../../src/base/logger.ts";
import { openingOf } from "../../src/bridge/opening.ts";
import { createOwnStart } from "../../src/bridge/own-start.ts";
import { createEraMemory } from "../../src/link/eras.ts";
import type { LinkEnd } from "../../src/link/link.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { scriptServer } from "../process/child-host.ts";
import { eventually } from "../support/eventually.ts";
import { createFakeChild } from "../support/fake-child.ts";

const scan = createJsonScanner(16);
const read = (message: object) => readClientMessage(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })), scan);

const PARAMS = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "a", version: "1" } };
const initialize = (id: unknown = "init", params: object = PARAMS) => ({ id, method: "initialize", params });
const AGREED = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "s", version: "1" } };
const UNSUPPORTED = { code: -32022, message: "no", data: { supported: ["2026-07-28"], requested: "2025-06-18" } };
const DISCOVERED = { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } };

function start({ probeMs = 60_000, known = {} }: { probeMs?: number; known?: object } = {}) {
  const fake = createFakeChild();
  const server = scriptServer("", { timeouts: { probeMs } });
  const eras = createEraMemory();
  eras.learn(server, known, true);
  const crashes: string[] = [];
  let started = 0;
  const own = createOwnStart({
    child: fake.child,
    name: "1",
    server,
    eras,
    scan,
    log: createLogger({ level: "ERROR", destination: { write: () => undefined } }),
    onStarted: () => started++,
    onCrash: (content) => void crashes.push(content),
    onWorks: () => undefined,
  });
  /** Attaches a client, and gives what it gets. */
  const attach = () => {
    const got: Readonly<Record<string, unknown>>[] = [];
    const ends: LinkEnd[] = [];
    const lost: unknown[] = [];
    own.attach({
      events: {
        onMessages: (messages) => {
          for (const { line } of messages) got.push(JSON.parse(line.toString()));
          return undefined;
        },
        onEnd: (end) => void ends.push(end),
      },
      onLost: (messages) => void lost.push(...messages),
    });
    return { got, ends, lost, send: (message: object) => own.send(read(message)) };
  };
  const asked = (method: string) => eventually(method, () => fake.got.find((got) => got["method"] === method));
  return { ...fake, own, attach, asked, crashes, started: () => started, known: () => eras.of(server) };
}

const until = (what: string, isTrue: () => boolean) => eventually(what, isTrue);
const opening = (params: object = PARAMS) => {
  const found = openingOf(read(initialize("x", params)));
  if (found === undefined) throw new Error("it is an initialize");
  return found;
};

describe("a child that takes initialize", () => {
  test("gets all that came behind it, in order, is known for legacy, and passes on what it says", async () => {
    const { got: toChild, say, attach, known, started } = start();
    const client = attach();
    client.send(initialize());
    client.send({ id: 1, method: "x" });
    client.send({ method: "notifications/initialized" });
    expect(toChild.map(({ method }) => method)).toEqual(["initialize"]);
    await say({ method: "early" }, { id: "init", result: AGREED }, { id: "asked", method: "ping" });
    await until("all of it", () => client.got.length === 3);
    expect(client.got.map(({ id, method }) => method ?? id)).toEqual(["early", "init", "ping"]);
    expect(toChild.map(({ method }) => method)).toEqual(["initialize", "x", "notifications/initialized"]);
    expect([known().legacy, started()]).toEqual([true, 1]);
  });

  test("is told what its client answers, and all else once it is known for legacy", () => {
    const { got: toChild, attach, own } = start({ known: { legacy: true } });
    const client = attach();
    client.send(initialize());
    client.send({ id: 1, method: "x" });
    expect(toChild.length).toBe(2);
    expect(own.isUnclaimed()).toBe(false);
    const unknown = start();
    const other = unknown.attach();
    other.send(initialize());
    other.send({ id: "asked", result: {} });
    expect(unknown.got.length).toBe(2);
  });
});

describe("a start whose client leaves", () => {
  test("goes on, and answers the next client that opens alike under its own id, with what was said before", async () => {
    for (const isEarly of [true, false]) {
      const { got: toChild, say, attach, own, stops } = start();
      const first = attach();
      first.send(initialize(1));
      own.detach();
      expect(own.isUnclaimed()).toBe(true);
      await say({ method: "said" }, { id: "ping", method: "ping" });
      if (!isEarly) {
        await say({ id: 1, result: AGREED });
        await own.answered;
      }
      const second = attach();
      second.send(initialize("again"));
      if (isEarly) await say({ id: 1, result: AGREED });
      await until("the answer", () => second.got.some(({ id }) => id === "again"));
      expect(second.got.at(-1)).toEqual({ jsonrpc: "2.0", id: "again", result: AGREED });
      expect([first.got.length, stops()]).toEqual([0, 0]);
      expect(toChild.filter(({ method }) => method === "initialize").length).toBe(1);
      expect(own.isUnclaimed()).toBe(false);
    }
  });

  test("fits whoever asks for the same, and everybody as long as nobody has asked", () => {
    const { attach, own } = start();
    expect(own.fits(opening())).toBe(true);
    attach().send(initialize());
    const { capabilities, ...rest } = PARAMS;
    expect(own.fits(opening({ ...rest, capabilities }))).toBe(true);
    expect(own.fits(opening({ ...PARAMS, _meta: { progressToken: 1 } }))).toBe(true);
    expect(own.fits(opening({ ...PARAMS, protocolVersion: "2025-11-25" }))).toBe(false);
    expect(own.fits(opening({ ...PARAMS, capabilities: { roots: {} } }))).toBe(false);
    expect(own.fits(opening({ ...PARAMS, clientInfo: { name: "b", version: "1" } }))).toBe(false);
  });

  test("that nobody has asked anything is pinged, so that it is known when it is over", async () => {
    const { got: toChild, say, own, attach } = start();
    attach();
    own.detach();
    const ping = toChild[0];
    expect(ping?.["method"]).toBe("ping");
    await say({ id: ping?.["id"], result: {} });
    await own.answered;
    const client = attach();
    client.send(initialize());
    await say({ id: "init", result: AGREED });
    await until("the answer", () => client.got.length === 1);
  });

  test("and then refuses is of no use to anybody", async () => {
    const { say, own, attach } = start({ known: { modern: false } });
    attach().send(initialize());
    own.detach();
    await say({ id: "init", error: { code: -32602, message: "no" } });
    await own.useless;
  });
});

describe("a child that refuses initialize", () => {
  test("and proves that it is modern is bridged, whatever timeouts.probe is; its client never hears of the refusal", async () => {
    for (const probeMs of [60_000, 0]) {
      const { say, attach, asked, known } = start({ probeMs });
      const client = attach();
      client.send(initialize());
      await say({ id: "init", error: UNSUPPORTED });
      const { id } = await asked("server/discover");
      await say({ id, result: DISCOVERED });
      await until("the answer", () => client.got.length === 1);
      expect(client.got[0]).toMatchObject({ id: "init", result: { protocolVersion: "2025-06-18" } });
      expect(known()).toEqual({ legacy: false, modern: true });
    }
  });

  test("for another reason is asked whether it is modern, and heard when it is not", async () => {
    const { say, attach, asked, known, got: toChild } = start();
    const client = attach();
    client.send(initialize());
    client.send({ id: 1, method: "x" });
    const refusal = { id: "init", error: { code: -32602, message: "no roots" } };
    await say(refusal);
    const { id } = await asked("server/discover");
    expect(client.got).toEqual([]);
    await say({ id, error: { code: -32601, message: "no such method" } });
    await until("the refusal", () => client.got.length === 1);
    expect(client.got[0]).toMatchObject(refusal);
    expect(toChild.at(-1)).toMatchObject({ id: 1 });
    expect(known().modern).toBe(false);
  });

  test("and says nothing to the question is heard after timeouts.probe; what it is stays open", async () => {
    const { say, attach, known } = start({ probeMs: 1 });
    const client = attach();
    client.send(initialize());
    await say({ id: "init", error: { code: -1, message: "no" } });
    await until("the refusal", () => client.got.length === 1);
    expect(known().modern).toBeUndefined();
  });

  test("and ends is heard before its end", async () => {
    const { say, attach, asked, exit } = start();
    const client = attach();
    client.send(initialize());
    await say({ id: "init", error: { code: -1, message: "no" } });
    await asked("server/discover");
    exit(3);
    await until("the end", () => client.ends.length === 1);
    expect(client.got[0]).toMatchObject({ id: "init", error: { code: -1 } });
  });

  test("with the proof that it is modern, and ends, is lost; what came behind goes to its successor", async () => {
    const { say, attach, asked, exit } = start();
    const client = attach();
    client.send(initialize());
    client.send({ id: 1, method: "x" });
    await say({ id: "init", error: UNSUPPORTED });
    await asked("server/discover");
    exit(3);
    await until("the loss", () => client.lost.length === 1);
    expect([client.got.length, client.ends.length]).toEqual([0, 0]);
  });
});

describe("a child that is known to be modern", () => {
  test("is asked for what it is at once, however long that takes, and serves whoever comes then", async () => {
    const { say, attach, asked, own, got: toChild } = start({ probeMs: 1, known: { legacy: false, modern: true } });
    const { id } = await asked("server/discover");
    attach().send(initialize());
    own.detach();
    await say({ id, result: DISCOVERED });
    await own.answered;
    const client = attach();
    client.send(initialize("late", { ...PARAMS, clientInfo: { name: "b", version: "2" } }));
    await until("the answer", () => client.got.length === 1);
    expect(client.got[0]).toMatchObject({ id: "late" });
    expect(toChild.some(({ method }) => method === "initialize")).toBe(false);
  });

  test("and is no longer is initialised by its client", async () => {
    const { say, attach, asked, known } = start({ known: { legacy: false, modern: true } });
    const { id } = await asked("server/discover");
    const client = attach();
    client.send(initialize());
    await say({ id, error: { code: -32601, message: "no such method" } });
    await asked("initialize");
    await say({ id: "init", result: AGREED });
    await until("the answer", () => client.got.length === 1);
    expect(known()).toEqual({ legacy: true, modern: false });
  });
});

test("a death before the first answer counts against what was sent; one after it, or on purpose, against nobody", async () => {
  const unasked = start();
  unasked.exit(1);
  await until("its crash", () => unasked.crashes.length === 1);
  expect(unasked.crashes).toEqual([""]);
  const asked = start();
  asked.attach().send(initialize());
  asked.exit(1);
  await until("its crash", () => asked.crashes.length === 1);
  expect(asked.crashes).toEqual([opening().content]);
  for (const isStopped of [true, false]) {
    const other = start();
    const client = other.attach();
    client.send(initialize());
    if (isStopped) {
      await other.own.stop();
    } else {
      await other.say({ id: "init", result: AGREED });
      await until("the answer", () => client.got.length === 1);
      other.exit(1);
    }
    await until("the end", () => client.ends.length === 1);
    expect(other.crashes).toEqual([]);
  }
});
