import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createEraMemory } from "../../src/link/eras.ts";
import { identityOfInitialize } from "../../src/link/identity.ts";
import type { LinkEnd } from "../../src/link/link.ts";
import type { SharedLink } from "../../src/link/shared.ts";
import { culpritOf } from "../../src/pool/caller.ts";
import { createCallerChildren } from "../../src/pool/caller-children.ts";
import type { LeaseMode, LeaseRequest } from "../../src/pool/lease.ts";
import { createPooledChild, type PooledChild } from "../../src/pool/pooled-child.ts";
import { scriptServer } from "../process/child-host.ts";
import { eventually } from "../support/eventually.ts";

const identity = identityOfInitialize({ protocolVersion: "2025-11-25", capabilities: {} });
if (identity === undefined) throw new Error("no identity");

interface Start {
  readonly signal: AbortSignal;
  /** There is a process now. */
  readonly begin: () => void;
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
  readonly crash: () => void;
}

/** What children were asked, and which of them, counted from 0. */
const calls = new Set<string>();

/** A children whose starts end as the test says. */
function children() {
  const starts: Start[] = [];
  const stopped: string[] = [];
  const culprits: (string | undefined)[] = [];
  const server = scriptServer("");
  const eras = createEraMemory();
  eras.learn(server, { legacy: true, modern: false }, true);
  const made = createCallerChildren({
    key: "key",
    server,
    variables: new Map(),
    eras,
    onCrash: (pooled) => void culprits.push(pooled.soleUser()),
    onIdle: () => {},
    isDraining: () => false,
    stop: ({ name }: PooledChild, _, reason) => {
      stopped.push(`${name}: ${reason}`);
      return Promise.resolve();
    },
    start: ({ notifications }, _, { signal, onBegun }) => {
      const { promise, resolve, reject } = Promise.withResolvers<PooledChild>();
      const ended = Promise.withResolvers<LinkEnd>();
      const number = starts.length;
      const link: SharedLink = {
        pid: 1,
        spoke: Promise.resolve(),
        call: ({ method }) => {
          calls.add(`${method} ${number}`);
          return { cancel: () => {}, pause: () => {}, goOn: () => {}, resume: () => {} };
        },
        write: () => {},
        startWords: () => ({ stderr: "", reason: undefined }),
        inFlight: () => 0,
        listen: () => {},
        ended: ended.promise,
        isEnded: () => false,
        stop: () => Promise.resolve(),
      };
      const pooled = createPooledChild({
        name: String(starts.length),
        link,
        identity: legacy,
        isAskable: false,
        notifications,
      });
      starts.push({
        signal,
        begin: onBegun,
        succeed: () => resolve(pooled),
        fail: reject,
        crash: () => ended.resolve({ kind: "closed", stream: "stdout", stderr: "" }),
      });
      return promise;
    },
  });
  return {
    children: made,
    starts,
    stopped,
    culprits,
    started: (count: number) => eventually("a start", () => starts[count - 1]),
  };
}

const legacy = identity;

const request = (mode: LeaseMode = "shared", signal = new AbortController().signal): LeaseRequest => ({
  profile: { revision: "2025-11-25", capabilities: "{}", clientInfo: "{}", hasRoots: false },
  wanted: "modern",
  mode,
  signal,
});

const code = (lease: Promise<unknown>): Promise<unknown> =>
  lease.then(
    () => "leased",
    (error: unknown) => (error instanceof ProxyError ? error.code : error),
  );

describe("the start of a child", () => {
  test("is one, however many wait for it, and goes on as long as one of them does", async () => {
    const { children: own, starts, started } = children();
    const leavers = Array.from({ length: 5 }, () => new AbortController());
    const left = leavers.map(({ signal }) => code(own.lease(request("shared", signal))));
    const stays = code(own.lease(request()));
    const start = await started(1);
    for (const leaver of leavers) leaver.abort();
    expect(start.signal.aborted).toBe(false);
    start.succeed();
    expect(await stays).toBe("leased");
    expect(new Set(await Promise.all(left))).toEqual(new Set(["client_left"]));
    expect(starts.length).toBe(1);
  });

  test("that waits for its turn is dropped with the last who waits, and whoever comes next gets one anew, not its end", async () => {
    const { children: own, starts, started } = children();
    const leaver = new AbortController();
    const left = code(own.lease(request("shared", leaver.signal)));
    const first = await started(1);
    leaver.abort();
    expect(first.signal.aborted).toBe(true);
    const late = code(own.lease(request()));
    expect(starts.length).toBe(2);
    first.fail(new ProxyError("client_left"));
    (await started(2)).succeed();
    expect(await left).toBe("client_left");
    expect(await late).toBe("leased");
  });

  test("that has begun goes on without its client, and the next attempt joins it or takes its child", async () => {
    for (const isEarly of [true, false]) {
      const { children: own, starts, started, stopped } = children();
      const leaver = new AbortController();
      const left = code(own.lease(request("shared", leaver.signal)));
      const start = await started(1);
      start.begin();
      leaver.abort();
      expect(await left).toBe("client_left");
      expect(start.signal.aborted).toBe(false);
      if (!isEarly) start.succeed();
      const late = code(own.lease(request()));
      if (isEarly) start.succeed();
      expect(await late).toBe("leased");
      expect([starts.length, stopped.length]).toEqual([1, 0]);
    }
  });

  test("that goes on without a client and fails tells nobody, and ends with all others on a shutdown", async () => {
    const { children: own, started } = children();
    const leaver = new AbortController();
    const left = code(own.lease(request("shared", leaver.signal)));
    const start = await started(1);
    start.begin();
    leaver.abort();
    expect(await left).toBe("client_left");
    own.close();
    expect(start.signal.aborted).toBe(true);
    start.fail(new ProxyError("draining"));
  });

  test("that fails fails for all who wait for it, and for nobody after them", async () => {
    const { children: own, started } = children();
    const waiting = [code(own.lease(request())), code(own.lease(request()))];
    (await started(1)).fail(new ProxyError("child_start_failed"));
    expect(await Promise.all(waiting)).toEqual(["child_start_failed", "child_start_failed"]);
    const next = code(own.lease(request()));
    (await started(2)).succeed();
    expect(await next).toBe("leased");
  });
});

describe("a child", () => {
  test("that one has alone is nobody else's until it is given back", async () => {
    const { children: own, starts, started } = children();
    const alone = own.lease(request("alone"));
    (await started(1)).succeed();
    const lease = await alone;
    const other = code(own.lease(request()));
    const second = await started(2);
    lease.release();
    lease.release();
    expect(await code(own.lease(request("alone")))).toBe("leased");
    second.succeed();
    expect(await other).toBe("leased");
    expect(starts.length).toBe(2);
  });

  test("that knows something of one client is ended when that client has done with it", async () => {
    const { children: own, stopped, started } = children();
    const alone = own.lease(request("alone"));
    (await started(1)).succeed();
    const lease = await alone;
    lease.retire();
    expect(stopped).toEqual([]);
    lease.release();
    expect(stopped).toEqual(["0: retired"]);
  });

  test("that ended by itself is given to nobody any more", async () => {
    const { children: own, stopped, started } = children();
    const first = own.lease(request());
    const start = await started(1);
    start.succeed();
    await first;
    start.crash();
    await eventually("its end", () => stopped.length === 1);
    const next = code(own.lease(request()));
    (await started(2)).succeed();
    expect(await next).toBe("leased");
  });

  test("that is idle and knows other roots makes room at once for the ninth that wants one alone", async () => {
    const { children: own, starts, stopped, started } = children();
    const withRoots = (roots: string) => ({ ...request("alone"), roots });
    for (let count = 1; count <= 8; count++) {
      const leasing = own.lease(withRoots(`{"roots":[${count}]}`));
      (await started(count)).succeed();
      const lease = await leasing;
      lease.tellRoots(`{"roots":[${count}]}`);
      // The second is kept by somebody who listens.
      if (count === 2) lease.pin();
      lease.release();
    }
    expect(stopped).toEqual([]);
    const ninth = own.lease(withRoots('{"roots":["other"]}'));
    (await started(9)).succeed();
    const tenth = own.lease(withRoots('{"roots":["another"]}'));
    (await started(10)).succeed();
    expect(await Promise.all([ninth, tenth].map(code))).toEqual(["leased", "leased"]);
    expect(stopped).toEqual(["0: evicted", "2: evicted"]);
    expect(starts.length).toBe(10);
  });

  test("whose subscriptions are being made ends with all others at the shutdown", async () => {
    const { children: own, stopped, started } = children();
    const first = own.lease(request("alone"));
    (await started(1)).succeed();
    // The children of this test answer nothing.
    void own.subscriptions.add((await first).link, "u:1");
    const second = code(own.lease(request("alone")));
    (await started(2)).succeed();
    await eventually("the second to be asked for the subscription", () => calls.has("resources/subscribe 1"));
    own.close();
    expect(stopped.toSorted()).toEqual(["0: shutdown", "1: shutdown"]);
    calls.clear();
    expect(await second).toBe("draining");
  });

  test("is waited for by the ninth that wants one alone, who goes on when one is free, parked or gone", async () => {
    const { children: own, starts, started } = children();
    const take = async () => {
      const before = starts.length;
      const leased = own.lease(request("alone"));
      (await started(before + 1)).succeed();
      return leased;
    };
    const leases = [];
    for (let count = 0; count < 8; count++) leases.push(await take());
    const waiting = [own.lease(request("alone")), own.lease(request("alone"))];
    leases[0]?.release();
    expect(await code(Promise.race(waiting))).toBe("leased");
    expect(starts.length).toBe(8);
    leases[1]?.setParked(true);
    (await started(9)).succeed();
    expect(await Promise.all(waiting.map(code))).toEqual(["leased", "leased"]);
  });
});

test("a child that crashes under one client's call counts against its address, which is asked for no sooner", async () => {
  const { children: own, starts, started, culprits } = children();
  let asked = 0;
  const address = () => {
    asked++;
    return "192.0.2.1";
  };
  const lease = own.lease({ ...request(), address });
  (await started(1)).succeed();
  await lease;
  expect(asked).toBe(0);
  starts[0]?.crash();
  const culprit = culpritOf("key", { ...request(), address: () => "192.0.2.1" });
  expect(await eventually("the crash", () => culprits[0])).toBe(culprit);
  expect(asked).toBe(1);
});
