import { describe, expect, test } from "bun:test";
import { identityOfInitialize } from "../../src/link/identity.ts";
import type { SharedLink } from "../../src/link/shared.ts";
import { createLease, type LeaseMode, type VariantFacts } from "../../src/pool/lease.ts";
import { createNotifications } from "../../src/pool/notifications.ts";
import { createPooledChild } from "../../src/pool/pooled-child.ts";
import { createStarts } from "../../src/pool/starts.ts";
import { take, type Variant } from "../../src/pool/variants.ts";

const LINK: SharedLink = {
  pid: 1,
  spoke: Promise.resolve(),
  call: () => expect.unreachable(),
  write: () => undefined,
  startWords: () => ({ stderr: "", reason: undefined }),
  inFlight: () => 0,
  listen: () => undefined,
  ended: new Promise(() => {}),
  isEnded: () => false,
  stop: () => Promise.resolve(),
};

function makeChild(name = "n") {
  const identity = identityOfInitialize({ protocolVersion: "2025-11-25", capabilities: {} });
  if (identity === undefined) throw new Error("no identity");
  return createPooledChild({ name, link: LINK, identity, isAskable: true, notifications: createNotifications() });
}

const REQUEST = {
  profile: { revision: "2025-11-25", capabilities: "{}", clientInfo: "{}", hasRoots: true },
  wanted: "modern",
  signal: new AbortController().signal,
} as const;

/** A lease of a child of its own. */
function make(mode: LeaseMode) {
  const pooled = makeChild();
  const facts: VariantFacts = { asksRoots: undefined };
  const variant: Variant = {
    ...facts,
    key: "k",
    isKnown: true,
    pooledChildren: new Set([pooled]),
    starts: createStarts(),
  };
  const events: string[] = [];
  const note = (what: string) => () => void events.push(what);
  take(variant, { ...REQUEST, mode });
  const lease = createLease({
    variant,
    pooled,
    mode,
    onChange: note("changed"),
    onOver: note("over"),
    onReleased: note("released"),
  });
  return { pooled, variant, lease, events };
}

describe("the use of a pooled child", () => {
  test("is counted until it is given back, once", () => {
    const { pooled, lease, events } = make("shared");
    expect([pooled.sharers, pooled.isAlone]).toEqual([1, false]);
    lease.release();
    lease.release();
    expect([pooled.sharers, events]).toEqual([0, ["over", "released"]]);
  });

  test("that one has alone leaves its place to others while its client is asked, and then no longer", () => {
    const { pooled, lease, events } = make("alone");
    expect([pooled.isAlone, pooled.isParked]).toEqual([true, false]);
    lease.setParked(true);
    expect([pooled.isAlone, pooled.isParked, events]).toEqual([true, true, ["changed"]]);
    lease.release();
    expect([pooled.isAlone, pooled.isParked]).toEqual([false, false]);
    // Who has it next is not parked for it.
    lease.setParked(true);
    expect(pooled.isParked).toBe(false);
  });

  test("tells the child roots that hold for all later clients of the same ones", () => {
    const { pooled, variant, lease } = make("alone");
    lease.tellRoots('{"roots":[]}');
    expect([pooled.roots, pooled.isRetired, variant.asksRoots]).toEqual(['{"roots":[]}', false, pooled.identity]);
    lease.tellRoots('{"roots":[1]}');
    expect(pooled.isRetired).toBe(true);
  });

  test("keeps it from being ended for as long as somebody listens", () => {
    const { pooled, lease, events } = make("shared");
    const [unpin, other] = [lease.pin(), lease.pin()];
    unpin();
    unpin();
    expect([pooled.pins, events]).toEqual([1, ["released"]]);
    other();
    expect(pooled.pins).toBe(0);
  });
});

describe("the child that fits", () => {
  test("knows no roots or the same ones, the latter first; for one who wants it alone nobody uses it", () => {
    const { variant, pooled: used } = make("shared");
    const [plain, same, other] = ["plain", "same", "other"].map(makeChild);
    if (plain === undefined || same === undefined || other === undefined) throw new Error("no children");
    same.roots = "r";
    other.roots = "o";
    for (const pooled of [other, plain, same]) variant.pooledChildren.add(pooled);
    const alone = { ...REQUEST, mode: "alone", roots: "r" } as const;
    expect(take(variant, alone)?.name).toBe("same");
    expect(take(variant, alone)?.name).toBe("plain");
    expect(take(variant, alone)).toBeUndefined();
    expect(take(variant, { ...REQUEST, mode: "shared" })).toBe(used);
    used.isRetired = true;
    expect(take(variant, { ...REQUEST, mode: "shared" })).toBeUndefined();
  });
});
