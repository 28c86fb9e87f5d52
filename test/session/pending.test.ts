import { describe, expect, test } from "bun:test";
import { createPendingRequests, type PendingRequest } from "../../src/session/pending.ts";

const request = (id: string, progressToken?: string, clientId = id): PendingRequest => ({
  id,
  rawId: id,
  clientId,
  clientRawId: clientId,
  method: "x",
  progressToken,
});
const ids = (requests: readonly PendingRequest[]) => requests.map(({ id }) => id);

describe("requests in flight", () => {
  test("are there until they are settled, once", () => {
    const pending = createPendingRequests();
    pending.add(request("1"), 0);
    pending.add(request('"1"'), 0);
    expect(pending.size()).toBe(2);
    expect(pending.of("1") !== undefined).toBe(true);
    expect(pending.settle("1")?.id).toBe("1");
    expect(pending.settle("1")).toBeUndefined();
    expect(pending.of("1") !== undefined).toBe(false);
    expect(pending.of('"1"') !== undefined).toBe(true);
  });

  test("expire in the order in which they were left unattended, and no sooner", () => {
    const pending = createPendingRequests();
    for (const [id, at] of [
      ["a", 10],
      ["b", 20],
      ["c", 30],
    ] as const)
      pending.add(request(id), at);
    expect(pending.oldestSince()).toBe(10);
    expect(pending.expire(9)).toEqual([]);
    expect(ids(pending.expire(20))).toEqual(["a", "b"]);
    expect(pending.oldestSince()).toBe(30);
    expect(ids(pending.expire(1_000))).toEqual(["c"]);
    expect(pending.oldestSince()).toBeUndefined();
  });

  test("are all taken at the end, and then there are none", () => {
    const pending = createPendingRequests();
    pending.add(request("a", "t"), 10);
    pending.add(request("b"), 20);
    expect(ids(pending.takeAll())).toEqual(["a", "b"]);
    expect(pending.size()).toBe(0);
    expect(pending.touch("t", 30)).toBeUndefined();
  });
});

describe("progress", () => {
  test("restarts the time of its own request and of no other", () => {
    const pending = createPendingRequests();
    pending.add(request("a", '"t"'), 10);
    pending.add(request("b", "7"), 20);
    expect(pending.touch('"t"', 50)?.id).toBe("a");
    expect(ids(pending.expire(40))).toEqual(["b"]);
    expect(pending.oldestSince()).toBe(50);
  });

  test("under a token that nobody has, or that has been settled, changes nothing", () => {
    const pending = createPendingRequests();
    pending.add(request("a", "t"), 10);
    expect(pending.touch("u", 50)).toBeUndefined();
    pending.settle("a");
    expect(pending.touch("t", 50)).toBeUndefined();
    expect(pending.size()).toBe(0);
  });

  test("under a token that two requests have is the later one's, also when the earlier one is settled", () => {
    const pending = createPendingRequests();
    pending.add(request("a", "t"), 10);
    pending.add(request("b", "t"), 20);
    pending.settle("a");
    expect(pending.touch("t", 50)?.id).toBe("b");
    expect(pending.oldestSince()).toBe(50);
  });
});
