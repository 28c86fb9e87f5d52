import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createLogger } from "../../src/base/logger.ts";
import { createEraMemory } from "../../src/link/eras.ts";
import type { Lease, LeaseMode, LeaseRequest } from "../../src/pool/lease.ts";
import { createPool } from "../../src/pool/pool.ts";
import type { Starter } from "../../src/process/starter.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { scriptServer } from "../process/child-host.ts";
import { eventually, within } from "../support/eventually.ts";
import { createFakeChild, type FakeChild } from "../support/fake-child.ts";

const AGREED = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };

/** What a child does when it is asked to initialize, or to discover. */
type Manners = "answers" | "exits" | "exits-on-discover" | "refuses" | "is-silent";

interface PoolChanges {
  readonly maxChildren?: number;
  /** Those of the children in the order of their starts; the last of them are of all others, too. */
  readonly manners?: readonly Manners[];
  readonly isKnown?: boolean;
  readonly startMs?: number;
  readonly warmMs?: number;
}

interface StartedFake extends FakeChild {
  /** Lets a child that is being stopped be gone. */
  readonly go: () => void;
}

/** A pool whose children are fakes that answer at once, and go when the test says so; nobody's stay for an hour. */
function setUp(changes: PoolChanges = {}) {
  const { maxChildren = 0, manners = ["answers"], isKnown = true, startMs = 0, warmMs = 3_600_000 } = changes;
  const started: StartedFake[] = [];
  const failures: ProxyError[] = [];
  let turnsOver = 0;
  let isDraining = false;
  const starter: Starter = {
    start: () => {
      const failure = failures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      const fake = createFakeChild();
      const manner = manners[Math.min(started.length, manners.length - 1)] ?? "answers";
      const gone = Promise.withResolvers<void>();
      const child = {
        ...fake.child,
        write: (line: Buffer) => {
          const result = fake.child.write(line);
          const { id, method } = fake.got.at(-1) ?? {};
          if (method === "server/discover" && manner === "exits-on-discover") fake.exit(1);
          if (method === "initialize" || method === "server/discover") {
            if (manner === "exits") fake.exit(1);
            if (manner === "refuses") void fake.say({ id, error: { code: -32602, message: "no" } });
          }
          if (method === "initialize" && manner === "answers") void fake.say({ id, result: AGREED });
          return result;
        },
        stop: async () => {
          await fake.child.stop();
          await gone.promise;
        },
      };
      started.push({ ...fake, child, go: gone.resolve });
      return Promise.resolve({ child, name: String(started.length), onStarted: () => void turnsOver++ });
    },
    drain: () => undefined,
    isDraining: () => isDraining,
  };
  const eras = createEraMemory();
  const server = scriptServer("", { timeouts: { probeMs: 60_000, startMs, warmMs } });
  if (isKnown) eras.learn(server, { legacy: true, modern: false }, true);
  const log = createLogger({ level: "ERROR", destination: { write: () => undefined } });
  const pool = createPool({ maxChildren, starter, eras, scan: createJsonScanner(16), log });
  const childrenOf = (key: string) => pool.childrenOf({ key, server, variables: new Map() });
  return {
    pool,
    started,
    failures,
    known: () => eras.of(server),
    turnsOver: () => turnsOver,
    drain: () => {
      isDraining = true;
    },
    childrenOf,
    lease: (key: string, changes: Partial<LeaseRequest> = {}) =>
      within("a lease", childrenOf(key).lease({ ...REQUEST, signal: new AbortController().signal, ...changes })),
    [Symbol.asyncDispose]: async () => {
      const ended = pool.endAll();
      for (const { go } of started) go();
      await within("the end of all children", ended);
      expect(pool.size()).toBe(0);
    },
  };
}

const REQUEST = {
  profile: { revision: "2025-11-25", capabilities: "{}", clientInfo: "{}", hasRoots: false },
  wanted: "modern",
  mode: "shared" as LeaseMode,
} as const;

const ALONE = { mode: "alone" } as const;

const code = (lease: Promise<Lease>): Promise<unknown> =>
  lease.then(
    () => "leased",
    (error: unknown) => (error instanceof ProxyError ? error.code : error),
  );

describe("the children of a pool", () => {
  test("are a caller's own, and used again", async () => {
    await using own = setUp();
    expect(own.childrenOf("a")).toBe(own.childrenOf("a"));
    const first = await own.lease("a");
    first.release();
    const second = await own.lease("a");
    await own.lease("b");
    expect(own.pool.size()).toBe(2);
    expect(second.link).toBe(first.link);
    expect(own.turnsOver()).toBe(2);
  });

  test("count what they have not answered, but for those whose client is to answer", async () => {
    await using own = setUp();
    const lease = await own.lease("a", ALONE);
    const handlers = { onNotification: () => undefined, onAnswer: () => undefined, onFailure: () => undefined };
    lease.link.call({ line: Buffer.from('{"jsonrpc":"2.0","id":1,"method":"x"}'), method: "x" }, handlers);
    expect(own.pool.inFlight()).toBe(1);
    lease.setParked(true);
    expect(own.pool.inFlight()).toBe(0);
  });

  test("go when nobody has used them for long enough, and their caller is forgotten", async () => {
    await using own = setUp({ warmMs: 0 });
    const children = own.childrenOf("a");
    (await own.lease("a")).release();
    await eventually("the stop", () => own.started[0]?.stops() === 1);
    expect(own.pool.size()).toBe(1);
    own.started[0]?.go();
    await eventually("the free place", () => own.pool.size() === 0);
    await eventually("another caller of that name", () => own.childrenOf("a") !== children);
  });
});

describe("a pool that is full", () => {
  test("refuses whoever finds none idle", async () => {
    await using own = setUp({ maxChildren: 2 });
    await own.lease("a");
    await own.lease("b");
    expect(await code(own.lease("c"))).toBe("pool_full");
    expect(own.started.length).toBe(2);
  });

  test("ends the child that has been idle for longest, and starts another one when that is gone", async () => {
    await using own = setUp({ maxChildren: 3 });
    const leases = [await own.lease("a"), await own.lease("b"), await own.lease("c")];
    leases[1]?.release();
    // The clock that tells the idle apart may have to move first.
    const now = performance.now();
    await eventually("a later time", () => performance.now() > now);
    leases[0]?.release();
    const late = own.lease("d");
    await eventually("the eviction", () => own.started[1]?.stops() === 1);
    expect([own.started.length, own.pool.size()]).toEqual([3, 3]);
    // The place is promised to one: the next has the next one.
    const later = own.lease("e");
    await eventually("the next eviction", () => own.started[0]?.stops() === 1);
    expect(await code(own.lease("f"))).toBe("pool_full");
    own.started[1]?.go();
    own.started[0]?.go();
    await Promise.all([late, later]);
    expect([own.started.length, own.pool.size(), own.started[2]?.stops()]).toEqual([5, 3, 0]);
  });

  test("is not filled by one caller, whose own idle children go for more", async () => {
    await using own = setUp({ maxChildren: 4 });
    const leases = [await own.lease("a", ALONE), await own.lease("a", ALONE), await own.lease("a", ALONE)];
    const refused = own.lease("a", ALONE);
    await expect(refused).rejects.toThrow("3 shared children are in use for this caller");
    (await own.lease("b")).release();
    leases[1]?.release();
    const more = own.lease("a", { roots: "[]" });
    expect(await code(more)).toBe("leased");
    // Another profile fits no child that is there.
    const profile = { ...REQUEST.profile, capabilities: '{"roots":{}}' };
    (await more).release();
    const other = own.lease("a", { profile });
    await eventually("the eviction", () => own.started[1]?.stops() === 1);
    expect(own.started[3]?.stops()).toBe(0);
    own.started[1]?.go();
    await other;
  });

  test("counts a caller's starts among its children", async () => {
    await using own = setUp({ maxChildren: 4, manners: ["is-silent"] });
    const signals = new AbortController();
    const waiting = [1, 2, 3].map(() => code(own.lease("a", { ...ALONE, signal: signals.signal })));
    await eventually("the starts", () => own.started.length === 3);
    expect(await code(own.lease("a", ALONE))).toBe("pool_full");
    signals.abort();
    await Promise.all(waiting);
  });
});

describe("a start", () => {
  test("that comes to no process gives its place back", async () => {
    await using own = setUp({ maxChildren: 1 });
    own.failures.push(new ProxyError("child_start_failed"));
    expect(await code(own.lease("a"))).toBe("child_start_failed");
    expect(own.pool.size()).toBe(0);
    expect(await code(own.lease("a"))).toBe("leased");
  });

  test("goes on with another child where the first one exits on the question for its era", async () => {
    await using own = setUp({ manners: ["exits-on-discover", "answers"], isKnown: false });
    const lease = await own.lease("a");
    expect([lease.identity.era, own.started.length, own.turnsOver()]).toEqual(["legacy", 2, 2]);
    expect(own.known()).toMatchObject({ legacy: true });
    expect(own.started[0]?.stops()).toBe(1);
  });

  test("is over at its deadline, with what became of it, and its child is stopped", async () => {
    await using own = setUp({ manners: ["is-silent"], startMs: 1 });
    expect(await code(own.lease("a"))).toBe("start_timeout");
    expect([own.started[0]?.stops(), own.turnsOver()]).toEqual([1, 1]);
  });

  test("has to wait after three that died unanswered, for whoever asked so and for nobody else", async () => {
    await using own = setUp({ manners: ["exits"] });
    let admitted = 0;
    const ask = (address: string) =>
      code(own.lease("a", { address: () => address, admitStart: () => void admitted++ }));
    for (let death = 1; death <= 3; death++) expect(await ask("192.0.2.1")).not.toBe("crash_loop");
    expect(await ask("192.0.2.1")).toBe("crash_loop");
    expect([own.started.length, admitted]).toEqual([3, 3]);
    expect(await ask("192.0.2.2")).not.toBe("crash_loop");
  });

  test("may be asked for again at once where the server answers that it will not", async () => {
    await using own = setUp({ manners: ["refuses"] });
    for (let refusal = 1; refusal <= 4; refusal++) expect(await code(own.lease("a"))).toBe("child_refused");
  });
});

describe("a child that ends by itself", () => {
  test("counts against the one who had calls at it, and against nobody where there were several", async () => {
    await using own = setUp();
    const crash = async (addresses: readonly string[]) => {
      for (const address of addresses) await own.lease("a", { address: () => address });
      own.started.at(-1)?.exit(1);
      await eventually("its stop", () => own.started.at(-1)?.stops() === 1);
    };
    for (let death = 1; death <= 3; death++) await crash(["192.0.2.1", "192.0.2.2"]);
    for (let death = 1; death <= 3; death++) await crash(["192.0.2.1"]);
    expect(await code(own.lease("a", { address: () => "192.0.2.1" }))).toBe("crash_loop");
    expect(await code(own.lease("a", { address: () => "192.0.2.2" }))).toBe("leased");
  });
});

describe("the end of a pool", () => {
  test("waits for what is starting and for what is being stopped, and starts nothing more", async () => {
    await using own = setUp({ manners: ["answers", "is-silent"] });
    await own.lease("a");
    const starting = code(own.lease("b"));
    await eventually("the start", () => own.started.length === 2);
    let isOver = false;
    const ended = own.pool.endAll().then(() => {
      isOver = true;
    });
    expect(await starting).toBe("draining");
    expect(await code(own.lease("a"))).toBe("draining");
    expect(await code(own.lease("new"))).toBe("draining");
    own.started[1]?.go();
    await eventually("one of two", () => own.pool.size() === 1);
    expect(isOver).toBe(false);
    own.started[0]?.go();
    await within("the end", ended);
    expect([own.started.length, own.pool.size()]).toEqual([2, 0]);
  });

  test("is near when the starter starts nothing more", async () => {
    await using own = setUp();
    own.drain();
    expect(await code(own.lease("a"))).toBe("draining");
    expect(own.started.length).toBe(0);
  });
});
