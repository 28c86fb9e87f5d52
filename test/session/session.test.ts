import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import { MAX_IN_FLIGHT } from "../../src/session/from-client.ts";
import { eventually, within } from "../support/eventually.ts";
import { stopClock } from "../support/fake-clock.ts";
import { createFakeSession, type FakeSession } from "./fake-session.ts";

const call = (id: string | number, more: object = {}) => ({ jsonrpc: "2.0", id, method: "tools/call", ...more });
const answer = (id: string | number) => ({ jsonrpc: "2.0", id, result: {} });
const notification = (method: string, params: object) => ({ jsonrpc: "2.0", method, params });

const codeOf = (act: () => void): string => {
  try {
    act();
    return "nothing thrown";
  } catch (error) {
    return error instanceof ProxyError ? error.code : String(error);
  }
};

/** The `data.code` of the error answers that the client got, by id. */
const errors = ({ toClient }: FakeSession) =>
  toClient
    .filter((text) => text.startsWith("{") && text.includes('"error"'))
    .map((text): unknown[] => [JSON.parse(text).id, JSON.parse(text).error.data.code]);

const ended = (session: FakeSession) => within("the end of the session", session.ended);

describe("a message of the client", () => {
  test("reaches the child as it came, and counts as owed only when it is a request", () => {
    const { send, toChild, session } = createFakeSession();
    send(call(1));
    send(notification("notifications/initialized", {}));
    send(answer("theirs"));
    expect(toChild).toEqual([
      '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
      '{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}',
      '{"jsonrpc":"2.0","id":"theirs","result":{}}',
    ]);
    expect(session.inFlight()).toBe(1);
    session.end("client-closed");
  });

  test("is refused when its id is in flight, when too many are, when the child does not read or reads no more", () => {
    const { send, session, setChildInput } = createFakeSession();
    send(call(1));
    expect(codeOf(() => send(call(1)))).toBe("invalid_request");
    send(call("1"));
    for (let id = 2; id < MAX_IN_FLIGHT; id++) send(call(id));
    expect(codeOf(() => send(call("over")))).toBe("too_many_in_flight");
    send(notification("notifications/cancelled", { requestId: 1 }));
    setChildInput("full");
    expect(codeOf(() => send(call("a")))).toBe("child_busy");
    setChildInput("closed");
    expect(codeOf(() => send(call("a")))).toBe("child_exited");
    expect(session.inFlight()).toBe(MAX_IN_FLIGHT - 1);
    session.end("client-closed");
    expect(codeOf(() => send(call("a")))).toBe("session_not_found");
  });

  test("during a shutdown is refused when it is a request, and passed on otherwise", () => {
    const { send, toChild, setDraining, session } = createFakeSession();
    setDraining();
    expect(codeOf(() => send(call(1)))).toBe("draining");
    send(answer(1));
    expect(toChild.length).toBe(1);
    session.end("shutdown");
  });
});

describe("a request is no longer owed", () => {
  test("when it is answered; a second answer and one that nobody asked for are dropped and counted", async () => {
    const fake = createFakeSession();
    fake.send(call(1));
    fake.say(answer(1), answer(1), answer("nobody"), notification("x", {}));
    await eventually("the notification", () => fake.toClient.length === 2);
    expect(fake.toClient[0]).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    fake.session.end("client-closed");
    expect(fake.logged.at(-1)).toMatchObject({ msg: "session ended", lateAnswers: 2, unanswered: 0, messagesOut: 2 });
  });

  test.each([1, "1", 'a"b', "\u0000", "é"])("when it is cancelled: %j", (id) => {
    const { send, session } = createFakeSession();
    send(call(id));
    send(call("other"));
    send(notification("notifications/cancelled", { requestId: id }));
    expect(session.inFlight()).toBe(1);
    session.end("client-closed");
  });
});

describe("at the end", () => {
  test("each request that is owed gets one error, then the stream is closed and the child stopped, once", async () => {
    const fake = createFakeSession();
    fake.send(call(1));
    fake.send(call('a"b'));
    fake.session.end("shutdown");
    fake.session.end("lifetime");
    await within("the child's end", fake.session.gone);
    expect(errors(fake)).toEqual([
      [1, "draining"],
      ['a"b', "draining"],
    ]);
    expect(fake.toClient.at(-1)).toBe("closed");
    expect(fake.stops()).toBe(1);
    expect(await ended(fake)).toEqual({ reason: "shutdown", answered: false });
  });

  test("a client that waits for nothing is told why, unless it is gone itself", () => {
    const told = createFakeSession();
    told.session.end("lifetime");
    expect(told.toClient[0]).toMatch(/^closed: \{"error":\{"code":"session_not_found"/);
    const left = createFakeSession();
    left.session.end("client-closed");
    expect(left.toClient).toEqual(["closed"]);
  });

  test("of the child, what it owed is answered with its exit and its last words, after what it still said", async () => {
    const fake = createFakeSession();
    fake.send(call(1));
    fake.send(call(2));
    fake.say(answer(2));
    fake.exit({ code: 3, signal: null }, "last words");
    expect(await ended(fake)).toEqual({ reason: "child-exited", answered: true });
    expect(fake.toClient[0]).toBe('{"jsonrpc":"2.0","id":2,"result":{}}');
    expect(JSON.parse(fake.toClient[1] ?? "")).toMatchObject({
      id: 1,
      error: { data: { code: "child_exited", exitCode: 3, signal: null, stderr: "last words" } },
    });
  });

  test("when the child closes its stdin or its stdout and lives on, it says which", async () => {
    for (const [close, name] of [
      ["closeStdin", "stdin"],
      ["closeStdout", "stdout"],
    ] as const) {
      const fake = createFakeSession();
      fake.send(call(1));
      fake[close]();
      expect((await ended(fake)).reason).toBe("child-exited");
      expect(fake.toClient[0]).toContain(`it closed its ${name}`);
    }
  });

  test("after a line over the limit, what came before it has arrived", async () => {
    const fake = createFakeSession({ limits: { lineBytes: 100 } });
    fake.send(call(1));
    fake.say(notification("x", {}), "y".repeat(200));
    expect((await ended(fake)).reason).toBe("line-too-large");
    expect(fake.toClient[0]).toContain('"method":"x"');
    expect(errors(fake)).toEqual([[1, "child_line_too_large"]]);
  });

  test("of a client that takes nothing any more, its stream is cut and not waited for", async () => {
    const fake = createFakeSession();
    fake.setClient("stalled");
    expect((await ended(fake)).reason).toBe("stalled");
    expect(fake.toClient).toEqual(["cut"]);
  });
});

describe("time limits", () => {
  test("start: nothing was ever answered, and the session ends with it, also when the request's own time is over too", async () => {
    for (const requestMs of [0, 60, 600_000]) {
      const fake = createFakeSession({ timeouts: { startMs: 60, requestMs } });
      fake.send(call(1));
      expect((await ended(fake)).reason).toBe("start-timeout");
      expect(errors(fake)).toEqual([[1, "start_timeout"]]);
    }
  });

  test("request: the session lives on, the child is told, and its late answer is dropped", async () => {
    const fake = createFakeSession({ timeouts: { startMs: 600_000, requestMs: 60 } });
    fake.send({ ...call(1), method: "initialize" });
    fake.say(answer(1));
    await eventually("the answer", () => fake.toClient.length === 1);
    fake.send(call(2));
    await eventually("the error", () => errors(fake).length === 1);
    expect(errors(fake)).toEqual([[2, "child_timeout"]]);
    expect(JSON.parse(fake.toChild.at(-1) ?? "")).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: 2 },
    });
    fake.say(answer(2), notification("x", {}));
    await eventually("the notification", () => fake.toClient.at(-1)?.includes('"x"'));
    expect(fake.toClient.filter((text) => text.includes('"id":2')).length).toBe(1);
    fake.session.end("client-closed");
  });

  test("request: a request of initialize is never cancelled", async () => {
    const fake = createFakeSession({ timeouts: { requestMs: 40 } });
    fake.send({ ...call(1), method: "initialize" });
    await eventually("the error", () => errors(fake).length === 1);
    expect(fake.toChild.length).toBe(1);
    fake.session.end("client-closed");
  });

  test("silent and lifetime end the session; 0 is none of them", async () => {
    const silent = createFakeSession({ timeouts: { silentMs: 40, lifetimeMs: 600_000 } });
    expect((await ended(silent)).reason).toBe("silent");
    const old = createFakeSession({ timeouts: { lifetimeMs: 40 } });
    expect((await ended(old)).reason).toBe("lifetime");
  });

  test("a cancelled request is no start that fails", async () => {
    using clock = stopClock();
    const fake = createFakeSession({ timeouts: { startMs: 50 } });
    let isOver = false;
    void fake.ended.then(() => {
      isOver = true;
    });
    fake.send(call(1));
    fake.send(notification("notifications/cancelled", { requestId: 1 }));
    await clock.pass(1_000);
    expect(isOver).toBe(false);
    fake.session.end("client-closed");
  });
});

test("while the client is slow the child is not read", async () => {
  using clock = stopClock();
  const fake = createFakeSession();
  fake.setClient("slow");
  fake.say(notification("first", {}));
  await clock.settle();
  expect(fake.toClient.length).toBe(1);
  fake.say(notification("second", {}));
  await clock.pass(1_000);
  expect(fake.toClient.length).toBe(1);
  fake.session.end("client-closed");
});
