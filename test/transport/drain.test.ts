import { describe, expect, test } from "bun:test";
import { drainBody, hasLargeBody } from "../../src/transport/drain.ts";

const BOUNDS = { maxBytes: 1_000, maxMs: 600_000, quietMs: 600_000 };

/** A body of so many pieces of 100 bytes; one that does not end stays open. */
function posted(pieces: number, ends = true, headers: Record<string, string> = {}) {
  const seen = { sent: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (seen.sent < pieces) {
        seen.sent++;
        controller.enqueue(Buffer.alloc(100, "x"));
      } else if (ends) controller.close();
      else return new Promise(() => undefined);
      return undefined;
    },
    cancel: () => {
      seen.isCancelled = true;
    },
  });
  return { request: new Request("http://x/", { method: "POST", body, headers }), seen };
}

describe("drainBody", () => {
  test("reads a body to its end", async () => {
    const { request, seen } = posted(10);
    expect(await drainBody(request, BOUNDS)).toBe(true);
    expect(seen.sent).toBe(10);
  });

  test("goes no further than so many bytes", async () => {
    const { request, seen } = posted(1_000);
    expect(await drainBody(request, BOUNDS)).toBe(false);
    expect(seen.sent).toBeLessThan(20);
    expect(seen.isCancelled).toBe(true);
  });

  test("does not begin with one that is announced to be longer", async () => {
    const { request } = posted(1, false, { "content-length": "1001" });
    expect(await drainBody(request, BOUNDS)).toBe(false);
    expect(request.bodyUsed).toBe(false);
  });

  test("waits neither for one who says nothing more, nor for one who never ends", async () => {
    const silent = posted(3, false);
    expect(await drainBody(silent.request, { ...BOUNDS, quietMs: 20 })).toBe(false);
    const endless = posted(3, false);
    expect(await drainBody(endless.request, { ...BOUNDS, maxMs: 20 })).toBe(false);
    expect([silent.seen.isCancelled, endless.seen.isCancelled]).toEqual([true, true]);
  });

  test("has nothing to do where there is no body", async () => {
    expect(await drainBody(new Request("http://x/"), BOUNDS)).toBe(true);
  });
});

test("a body is large by what its head says, and only while nobody has read it", async () => {
  const isLarge = (headers: Record<string, string>) =>
    hasLargeBody(new Request("http://x/", { method: "POST", body: "x", headers }));
  expect(isLarge({ "content-length": "65537" })).toBe(true);
  expect(isLarge({ "content-length": "65536" })).toBe(false);
  expect(isLarge({ "transfer-encoding": "chunked" })).toBe(true);
  expect(isLarge({})).toBe(false);
  const { request } = posted(1, true, { "content-length": "100000" });
  await request.arrayBuffer();
  expect(hasLargeBody(request)).toBe(false);
});
