import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { createLegacyServerCall } from "../../src/stateless/legacy-server-call.ts";
import { createParking } from "../../src/stateless/parked-calls.ts";
import type { Round } from "../../src/stateless/round.ts";
import { createFakeSource, type FakeSource } from "../bridge/fake-source.ts";
import { eventually } from "../support/eventually.ts";
import { createFakeRound, type FakeRound } from "./fake-round.ts";

const CAPABILITIES = { elicitation: {}, roots: {} };
const BINDING = { caller: "c", request: () => "r" };
const OPTIONS = { params: { name: "x" }, capabilities: CAPABILITIES };

/** The child asks its client for something. */
function childAsks(fake: FakeSource, id: number, method = "elicitation/create"): void {
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params: { message: `${id}` } }));
  for (const { onRequest } of fake.listeners)
    onRequest({ line, message: { kind: "request", id: `${id}`, rawId: `${id}`, method } });
}

function childTells(fake: FakeSource, method: string, params: object): void {
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params }));
  for (const { onNotification } of fake.listeners)
    void onNotification({ line, message: { kind: "notification", method } });
}

/** A call that has been started, at a made-up child. */
async function begin(options: { first?: FakeRound; places?: number; prepare?: (fake: FakeSource) => void } = {}) {
  const fake = createFakeSource("legacy");
  const parking = createParking<Round>(options.places ?? 0);
  const first = options.first ?? createFakeRound(OPTIONS);
  options.prepare?.(fake);
  const call = createLegacyServerCall({
    lease: await fake.source.lease("alone", new AbortController().signal),
    isAlone: true,
    round: first.round,
    roots: undefined,
    binding: BINDING,
    parking,
    parkedMs: 0,
    keptBytes: 0,
    check: () => Promise.resolve(),
    again: () => expect.unreachable(),
  });
  call.start();
  const asked = async (round: FakeRound) => {
    const result = await eventually("questions", () => round.result());
    expect(result).toMatchObject({ resultType: "input_required" });
    return {
      keys: Object.keys(result["inputRequests"] as object),
      state: String(result["requestState"]),
    };
  };
  /** The client comes back with these answers. */
  const comeBack = (state: string, inputResponses: object, id = "2") => {
    const next = createFakeRound({ ...OPTIONS, id, params: { name: "x", inputResponses } });
    parking.take(state, BINDING).resume(next.round);
    return next;
  };
  return { fake, parking, first, call, asked, comeBack };
}

describe("a call of a legacy server by a modern client", () => {
  test("asks for all that the server wants in one round, and its time stands still while the client is away", async () => {
    const { fake, first, asked, comeBack } = await begin();
    const sent = await fake.call(0);
    expect([sent.request.params, sent.isTimed()]).toEqual([{ name: "x" }, true]);
    childAsks(fake, 1);
    expect(sent.isTimed()).toBe(false);
    childAsks(fake, 2);
    const { keys, state } = await asked(first);
    expect(keys).toEqual(["elicitation-1", "elicitation-2"]);
    expect([sent.isTimed(), fake.events.at(-1)]).toEqual([false, "1 parked"]);
    const next = comeBack(state, { "elicitation-1": { action: "accept" }, "elicitation-2": { action: "decline" } });
    expect([sent.isTimed(), fake.events.at(-1)]).toEqual([true, "1 back"]);
    expect(fake.written.map((line) => JSON.parse(line))).toEqual([
      { jsonrpc: "2.0", id: 1, result: { action: "accept" } },
      { jsonrpc: "2.0", id: 2, result: { action: "decline" } },
    ]);
    sent.answer({ result: { content: [] } });
    expect(next.messages).toMatchObject([{ id: "2", result: { resultType: "complete", content: [] } }]);
    expect(fake.events).toEqual(["1 alone", "1 parked", "1 back", "1 released"]);
  });

  test("is not timed while some questions are answered and others are open", async () => {
    const { fake, first, asked, comeBack } = await begin();
    const sent = await fake.call(0);
    childAsks(fake, 1);
    childAsks(fake, 2);
    const { state } = await asked(first);
    const second = comeBack(state, { "elicitation-2": { action: "accept" } });
    const again = await asked(second);
    expect(again.keys).toEqual(["elicitation-1"]);
    expect([sent.isTimed(), fake.events.at(-1)]).toEqual([false, "1 parked"]);
    comeBack(again.state, { "elicitation-1": { action: "accept" } }, "3");
    expect(sent.isTimed()).toBe(true);
  });

  test("keeps what the child says and answers while the client is away", async () => {
    const { fake, first, asked, comeBack } = await begin();
    const sent = await fake.call(0);
    childAsks(fake, 1);
    const { state } = await asked(first);
    sent.answer({ result: { content: ["done"] } });
    expect(fake.events).not.toContain("1 released");
    const next = comeBack(state, {});
    expect(next.messages).toMatchObject([{ id: "2", result: { content: ["done"] } }]);
    // It still waits for an answer that nobody gave: nobody else may have it.
    expect(fake.events.slice(-2)).toEqual(["1 retired", "1 released"]);
  });

  test("waits with its request until the client has said what the child wanted to know before", async () => {
    const { fake, first, asked, comeBack } = await begin({ prepare: (fake) => fake.askEarly("roots/list", 7) });
    expect(fake.calls.length).toBe(0);
    const { keys, state } = await asked(first);
    expect(keys).toEqual(["roots-1"]);
    comeBack(state, { "roots-1": { roots: [] } });
    expect(fake.events).toContain("1 roots");
    // Two pings tell that it has had the time to use them.
    for (const index of [0, 1]) {
      const ping = await eventually("a ping", () => fake.calls[index]);
      expect(ping.method).toBe("ping");
      ping.answer({ result: {} });
    }
    const sent = await eventually("the request", () => fake.calls[2]);
    expect(sent.method).toBe("tools/call");
  });

  test("goes on where the child has taken its question back", async () => {
    const { fake, first } = await begin();
    const sent = await fake.call(0);
    childAsks(fake, 1);
    childTells(fake, "notifications/cancelled", { requestId: 1 });
    await eventually("its time to run", () => sent.isTimed());
    sent.answer({ result: {} });
    expect(first.messages).toMatchObject([{ id: "1", result: {} }]);
    expect(fake.events).toEqual(["1 alone", "1 released"]);
  });

  test("fails where the child needs what the client cannot do, and the child is used for nobody else", async () => {
    const { fake, first } = await begin();
    childAsks(fake, 1, "sampling/createMessage");
    expect(first.failure()).toMatchObject({ code: "capability_missing" });
    expect((await fake.call(0)).cancelled()).toBeDefined();
    expect(fake.events).toEqual(["1 alone", "1 retired", "1 released"]);
  });

  test("ends when the client leaves, and not for a request that is answered already", async () => {
    const { fake, first, call, asked, comeBack } = await begin();
    const sent = await fake.call(0);
    childAsks(fake, 1);
    const { state } = await asked(first);
    call.leave(first.round);
    expect(sent.cancelled()).toBeUndefined();
    const next = comeBack(state, { "elicitation-1": {} });
    call.leave(next.round);
    call.leave(next.round);
    expect(sent.cancelled()).toBe("the client closed its stream");
    expect(fake.events.slice(-2)).toEqual(["1 retired", "1 released"]);
  });

  test("ends when the client does not come back: the child is told", async () => {
    const { fake, first, parking, asked } = await begin();
    childAsks(fake, 1);
    await asked(first);
    parking.clear();
    expect((await fake.call(0)).cancelled()).toBe("the client did not come back");
    expect(fake.written.map((line) => JSON.parse(line))).toMatchObject([{ id: 1, error: { code: -32603 } }]);
    expect(fake.events.slice(-3)).toEqual(["1 back", "1 retired", "1 released"]);
  });

  test("is ended where too many wait, with nothing that invites to run it again", async () => {
    const { fake, first, parking } = await begin({ places: 1 });
    const nobody = { check: () => Promise.resolve(), resume: () => {}, leave: () => {}, expire: () => {} };
    parking.park(nobody, { ...BINDING, caller: "another" }, 0);
    childAsks(fake, 1);
    const failure = await eventually("its failure", () => first.failure());
    expect(failure).toMatchObject({ code: "parked_limit", retryAfterSeconds: undefined });
    expect(failure.message).toContain("had begun");
    expect((await fake.call(0)).cancelled()).toBe("too many calls wait for input");
  });

  test("tells of the child's failure, and of one on the way to it", async () => {
    const { fake, first } = await begin();
    (await fake.call(0)).events.onFailure(new ProxyError("child_timeout"));
    expect(first.failure()).toMatchObject({ code: "child_timeout" });
    expect(fake.events).toEqual(["1 alone", "1 retired", "1 released"]);
    const second = await begin({ prepare: ({ failNext }) => failNext("call", new ProxyError("child_busy")) });
    expect(second.first.failure()).toMatchObject({ code: "child_busy" });
  });
});
