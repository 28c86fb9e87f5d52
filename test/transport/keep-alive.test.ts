import { describe, expect, test } from "bun:test";
import type { ClientStream } from "../../src/transport/client-stream.ts";
import { createKeepAlive } from "../../src/transport/keep-alive.ts";

/** A stream of which only what is known about its client matters. */
function fakeStream(lastWriteAt: number, stalledSince?: number): ClientStream & { readonly written: string[] } {
  const written: string[] = [];
  return {
    written,
    body: new ReadableStream<Uint8Array>(),
    write: (bytes) => {
      written.push(bytes.toString());
      return undefined;
    },
    end: () => undefined,
    cut: () => undefined,
    isOpen: () => true,
    lastWriteAt: () => lastWriteAt,
    stalledSince: () => stalledSince,
  };
}

const HEARTBEAT = ": heartbeat\n\n";

describe("a quiet client", () => {
  test("gets a heartbeat when its time has come, and none before", () => {
    const keepAlive = createKeepAlive({ heartbeatMs: 100, stalledWriteMs: 0 });
    const stream = fakeStream(1_000);
    expect(keepAlive.check(stream, 1_099)).toBe("ok");
    expect(stream.written).toEqual([]);
    expect(keepAlive.next(stream, 1_099)).toBe(1_100);
    expect(keepAlive.check(stream, 1_100)).toBe("ok");
    expect(stream.written).toEqual([HEARTBEAT]);
  });

  test("gets none where they are switched off, and is looked at all the same, lest it is gone", () => {
    const keepAlive = createKeepAlive({ heartbeatMs: 0, stalledWriteMs: 300 });
    const stream = fakeStream(1_000);
    expect(keepAlive.check(stream, 9_999)).toBe("ok");
    expect(stream.written).toEqual([]);
    expect(keepAlive.next(stream, 9_999)).toBe(10_299);
  });
});

describe("a client that takes nothing", () => {
  test("gets no heartbeat behind what waits for it, and is gone when its time is over", () => {
    const keepAlive = createKeepAlive({ heartbeatMs: 10, stalledWriteMs: 300 });
    const stream = fakeStream(1_000, 1_000);
    expect(keepAlive.check(stream, 1_299)).toBe("ok");
    expect(keepAlive.check(stream, 1_300)).toBe("stalled");
    expect(stream.written).toEqual([]);
  });

  test("may stay for ever where that limit is switched off", () => {
    const keepAlive = createKeepAlive({ heartbeatMs: 10, stalledWriteMs: 0 });
    expect(keepAlive.check(fakeStream(0, 0), 1e9)).toBe("ok");
  });
});

describe("the next look", () => {
  test.each([
    [10, 300],
    [10, 0],
    [0, 300],
  ])("is never due already (heartbeat %i ms, stalled write %i ms)", (heartbeatMs, stalledWriteMs) => {
    const keepAlive = createKeepAlive({ heartbeatMs, stalledWriteMs });
    const now = 5_000;
    // What is overdue, for whatever reason, must not make a timer fire every millisecond: its owner has just looked.
    for (const stream of [fakeStream(1_000), fakeStream(1_000, 1_000), fakeStream(now), fakeStream(now, 4_999)]) {
      const next = keepAlive.next(stream, now);
      expect(next).toBeGreaterThan(now);
      expect(next).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });

  test("at one that takes nothing is at its end at the latest, and soon enough for its heartbeats should it read on", () => {
    expect(createKeepAlive({ heartbeatMs: 1_000, stalledWriteMs: 300 }).next(fakeStream(0, 100), 200)).toBe(400);
    expect(createKeepAlive({ heartbeatMs: 100, stalledWriteMs: 30_000 }).next(fakeStream(0, 100), 200)).toBe(300);
  });

  test("is never where everything is switched off", () => {
    const keepAlive = createKeepAlive({ heartbeatMs: 0, stalledWriteMs: 0 });
    expect(keepAlive.next(fakeStream(0), 1)).toBe(Number.POSITIVE_INFINITY);
    expect(keepAlive.next(fakeStream(0, 0), 1)).toBe(Number.POSITIVE_INFINITY);
  });
});
