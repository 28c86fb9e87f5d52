import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { type HandshakeOptions, shakeHands } from "../../src/link/handshake.ts";
import type { LinkEnd } from "../../src/link/link.ts";
import type { SharedLink } from "../../src/link/shared.ts";
import { eventually, within } from "../support/eventually.ts";

/** More time than a test has: what waits for its end waits for something else. */
const FOR_EVER_MS = 600_000;

/** What is asked after such a time is asked at once. */
const PROBE_MS = 1;

const DISCOVERED = { result: { supportedVersions: ["2026-07-28"], capabilities: {} } };
const DUAL = { result: { supportedVersions: ["2026-07-28", "2025-11-25"], capabilities: {} } };
const AGREED = { result: { protocolVersion: "2025-11-25", capabilities: {} } };
const NO_METHOD = { error: { code: -32601, message: "Method not found" } };
const UNSUPPORTED = { error: { code: -32022, message: "no", data: { supported: ["2026-07-28"] } } };

type Asked = "server/discover" | "initialize" | "ping";

/** A link to a child in the hand of the test. */
function createFakeLink() {
  const calls = new Map<string, (line: Buffer) => void>();
  const failures = new Set<() => void>();
  const spoke = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<LinkEnd>();
  /** What the child got, in order: requests by their method, notifications too. */
  const got: string[] = [];
  let isEnded = false;
  const link: SharedLink = {
    pid: 1,
    spoke: spoke.promise,
    call: ({ method }, { onAnswer, onFailure }) => {
      if (isEnded) throw new ProxyError("child_exited");
      got.push(method);
      calls.set(method, (line) => void onAnswer(line));
      failures.add(() => onFailure(new ProxyError("child_exited")));
      return { cancel: () => {}, pause: () => {}, goOn: () => {}, resume: () => {} };
    },
    write: (line) => void got.push(String((JSON.parse(line.toString()) as { readonly method?: string }).method)),
    startWords: () => ({ stderr: "Downloading", reason: "Downloading" }),
    inFlight: () => 0,
    listen: () => {},
    ended: ended.promise,
    isEnded: () => isEnded,
    stop: () => Promise.resolve(),
  };
  return {
    link,
    got,
    speak: spoke.resolve,
    asked: (method: Asked) => eventually(`the child to be asked ${method}`, () => got.includes(method)),
    answer: (method: Asked, members: object) =>
      calls.get(method)?.(Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 0, ...members }))),
    exit: () => {
      isEnded = true;
      ended.resolve({ kind: "exited", exit: { code: 1, signal: null }, stderr: "" });
      for (const fail of failures) fail();
    },
  };
}

function begin(
  { link }: { readonly link: SharedLink },
  changes: Partial<HandshakeOptions> & { hasRoots?: boolean } = {},
) {
  const { hasRoots = false, ...options } = changes;
  const profile = { revision: "2025-11-25", capabilities: "{}", clientInfo: '{"name":"a"}', hasRoots };
  const known = { legacy: undefined, modern: undefined };
  const deadline = performance.now() + FOR_EVER_MS;
  const handshake = shakeHands({ link, profile, wanted: "modern", known, probeMs: FOR_EVER_MS, deadline, ...options });
  return within("the handshake", handshake);
}

const modern = { kind: "ready", identity: { era: "modern" } } as const;
const legacy = { kind: "ready", identity: { era: "legacy" } } as const;

describe("a handshake with a modern server", () => {
  test("is its answer to server/discover, and nothing else", async () => {
    const fake = createFakeLink();
    const handshake = begin(fake);
    fake.answer("server/discover", DISCOVERED);
    expect(await handshake).toMatchObject({ ...modern, learnt: { modern: true } });
    expect(fake.got).toEqual(["server/discover"]);
  });

  test.each([
    ["server/discover", "initialize"],
    ["initialize", "server/discover"],
  ] as const)("that is slow asks both, and takes the answers as they come: %s first", async (first, second) => {
    const fake = createFakeLink();
    const handshake = begin(fake, { probeMs: PROBE_MS });
    await fake.asked("initialize");
    for (const method of [first, second]) fake.answer(method, method === "initialize" ? UNSUPPORTED : DISCOVERED);
    expect(await handshake).toMatchObject(modern);
    expect(fake.got).toEqual(["server/discover", "initialize"]);
  });

  test("is waited for as long as the start where it is known to be modern", async () => {
    const fake = createFakeLink();
    const handshake = begin(fake, { probeMs: PROBE_MS, known: { legacy: false, modern: true } });
    fake.speak();
    await Bun.sleep(20 * PROBE_MS);
    fake.answer("server/discover", DUAL);
    expect(await handshake).toMatchObject({ ...modern, learnt: { modern: true, legacy: true } });
    expect(fake.got).toEqual(["server/discover"]);
  });

  test("whose refusal of initialize proves it asks server/discover, however long that takes", async () => {
    const fake = createFakeLink();
    const handshake = begin(fake, { wanted: "legacy", probeMs: PROBE_MS });
    fake.answer("initialize", UNSUPPORTED);
    await fake.asked("server/discover");
    await Bun.sleep(20 * PROBE_MS);
    fake.answer("server/discover", DISCOVERED);
    expect(await handshake).toMatchObject({ ...modern, learnt: { modern: true, legacy: false } });
    expect(fake.got).toEqual(["initialize", "server/discover"]);
  });
});

describe("a handshake with a legacy server", () => {
  test("follows its refusal of server/discover, and ends with initialized", async () => {
    const fake = createFakeLink();
    const handshake = begin(fake);
    fake.answer("server/discover", NO_METHOD);
    await fake.asked("initialize");
    fake.answer("initialize", AGREED);
    expect(await handshake).toMatchObject({ ...legacy, learnt: { legacy: true, modern: false } });
    expect(fake.got).toEqual(["server/discover", "initialize", "notifications/initialized"]);
  });

  test("gives one whose client has roots until its answer to ping to ask for them", async () => {
    const fake = createFakeLink();
    const handshake = begin(fake, { wanted: "legacy", hasRoots: true });
    fake.answer("initialize", AGREED);
    await fake.asked("ping");
    fake.answer("ping", { result: {} });
    expect(await handshake).toMatchObject(legacy);
    expect(fake.got).toEqual(["initialize", "notifications/initialized", "ping"]);
  });
});

describe("a handshake that comes to nothing", () => {
  test("with a server that says nothing until the deadline tells what it said on stderr, and what it may be", async () => {
    const fake = createFakeLink();
    const handshake = begin(fake, { probeMs: PROBE_MS, deadline: performance.now() + 50 });
    const outcome = await handshake;
    expect(outcome).toMatchObject({ kind: "refused", isUnanswered: true, error: { code: "start_timeout" } });
    expect(outcome.kind === "refused" && outcome.error.message).toContain("It said: Downloading");
  });

  test("with a server that ends says so; one that ends on server/discover alone is to be started for initialize", async () => {
    const plain = createFakeLink();
    const refused = begin(plain, { wanted: "legacy" });
    plain.exit();
    expect(await refused).toMatchObject({ kind: "refused", isUnanswered: true, error: { code: "child_exited" } });
    const probed = createFakeLink();
    const restart = begin(probed);
    probed.exit();
    expect(await restart).toMatchObject({ kind: "restart", learnt: { legacy: true, modern: false }, isCertain: false });
  });

  test("with a server that was gone before is over at once", async () => {
    const fake = createFakeLink();
    fake.exit();
    expect(await begin(fake, { wanted: "legacy" })).toMatchObject({ kind: "refused", error: { code: "child_exited" } });
    expect(fake.got).toEqual([]);
  });

  test("with a server of no revision that is known lists its own, and one that refuses is told in its words", async () => {
    const unknown = createFakeLink();
    const handshake = begin(unknown);
    unknown.answer("server/discover", { error: { ...UNSUPPORTED.error, data: { supported: ["2031-01-01"] } } });
    expect(await handshake).toMatchObject({
      kind: "refused",
      isUnanswered: false,
      error: { code: "child_refused", data: { supported: ["2031-01-01"] } },
    });
    const unwilling = createFakeLink();
    const refused = begin(unwilling, { wanted: "legacy", probeMs: 0 });
    unwilling.answer("initialize", { error: { code: -32602, message: "no such client" } });
    const error = { code: "child_refused", message: "The server refused to be initialised: no such client" };
    expect(await refused).toMatchObject({ kind: "refused", isUnanswered: false, error });
  });
});
