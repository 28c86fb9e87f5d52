import { describe, expect, test } from "bun:test";
import type { ProxyError } from "../../src/base/errors.ts";
import { createLogger } from "../../src/base/logger.ts";
import type { Bystander } from "../../src/link/call-events.ts";
import { type Call, createSharedLink, type SharedLink } from "../../src/link/shared.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { eventually } from "../support/eventually.ts";
import { createFakeChild, type FakeChild } from "./fake-child.ts";

interface Heard {
  readonly call: Call;
  readonly notifications: readonly string[];
  readonly answers: readonly string[];
  readonly failures: readonly ProxyError[];
}

/** A link to a made-up child, and what its callers heard. */
function createLink({ requestMs = 0 } = {}) {
  const fake: FakeChild = createFakeChild();
  const logged: Record<string, unknown>[] = [];
  const link: SharedLink = createSharedLink({
    child: fake.child,
    scan: createJsonScanner(64),
    maxLineBytes: 0,
    requestMs,
    log: createLogger({ level: "DEBUG", destination: { write: (line) => logged.push(JSON.parse(line)) } }),
    context: { session: "1" },
  });
  const call = (id: string, { token = "", method = "tools/call", isEndless = false, throws = "" } = {}): Heard => {
    const notifications: string[] = [];
    const answers: string[] = [];
    const failures: ProxyError[] = [];
    const params = token === "" ? "{}" : `{"_meta":{"progressToken":${token}}}`;
    const line = Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`);
    const hear = (what: string, to: string[]) => (said: Buffer) => {
      if (throws === what) throw new TypeError("an odd message");
      to.push(said.toString());
      return throws === `${what} later` ? Promise.reject(new TypeError("an odd message")) : undefined;
    };
    const made = link.call(
      { line, method, isEndless },
      {
        onNotification: hear("notification", notifications),
        onAnswer: hear("answer", answers),
        onFailure: (error) => {
          failures.push(error);
          if (throws === "failure") throw new TypeError("an odd failure");
        },
      },
    );
    return { call: made, notifications, answers, failures };
  };
  const say = (...lines: readonly string[]) => fake.say(lines.map((line) => `${line}\n`).join(""));
  return { link, fake, logged, call, say };
}

const answer = (id: string, text = "ok") => `{"jsonrpc":"2.0","id":${id},"result":"${text}"}`;
const progress = (token: string) =>
  `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1}}`;

describe("calls on one child", () => {
  test("get ids of the link's own, which are their progress tokens, and answers under their callers' ids", async () => {
    const { fake, call, say } = createLink();
    const first = call("7", { token: '"t"' });
    const second = call('"7"');
    expect(fake.written).toEqual([
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{}}',
    ]);
    say(progress("1"), answer("2"), answer("1"));
    await eventually("both answers", () => first.answers.length + second.answers.length === 2);
    expect(first.notifications).toEqual([progress('"t"')]);
    expect(first.answers).toEqual([answer("7")]);
    expect(second.answers).toEqual([answer('"7"')]);
  });

  test("are answered by a child that writes ids and tokens as text", async () => {
    const { call, say } = createLink();
    const { notifications, answers } = call("7", { token: "8" });
    say(progress('"1"'), answer('"1"'));
    await eventually("the answer", () => answers.length === 1);
    expect(notifications).toEqual([progress("8")]);
    expect(answers).toEqual([answer("7")]);
  });

  test("are not answered by a text that is another number's spelling, or no number", async () => {
    const { call, say } = createLink();
    const { answers } = call("7");
    say(answer('"01"'), answer('" 1"'), answer('"1x"'), answer("null"), answer("1", "right"));
    await eventually("the answer", () => answers.length === 1);
    expect(answers).toEqual([answer("7", "right")]);
  });

  test("end with the child, each with the reason", async () => {
    const { fake, call, link } = createLink();
    const calls = [call("1"), call("2")];
    fake.exit({ code: 3, signal: null });
    await link.ended;
    expect(calls.map(({ failures }) => failures.map(({ code }) => code))).toEqual([["child_exited"], ["child_exited"]]);
    expect(() => call("3")).toThrow("ended before it answered");
  });

  test("that are taken back are told to the child, and what it still says about them is dropped", async () => {
    const { fake, call, say } = createLink();
    const gone = call("1", { token: "1" });
    const other = call("2");
    gone.call.cancel("no more");
    expect(fake.written.at(-1)).toContain('"params":{"requestId":1,"reason":"no more"}');
    say(progress("1"), answer("1"), answer("2"));
    await eventually("the other answer", () => other.answers.length === 1);
    expect([gone.notifications, gone.answers, gone.failures]).toEqual([[], [], []]);
  });

  test("that take too long fail, but not while they stand still", async () => {
    const { fake, call } = createLink({ requestMs: 40 });
    const paused = call("1");
    paused.call.pause();
    const slow = call("2");
    await eventually("the failure", () => slow.failures.length === 1);
    expect(slow.failures[0]?.code).toBe("child_timeout");
    expect(fake.written.at(-1)).toContain('"requestId":2');
    expect(paused.failures).toEqual([]);
  });
});

describe("a handler that throws", () => {
  test.each([
    ["on progress", { throws: "notification", token: "5" }, [progress("1")]],
    ["on progress, later", { throws: "notification later", token: "5" }, [progress("1")]],
    ["on its answer", { throws: "answer" }, [answer("1")]],
    ["on its answer, later", { throws: "answer later" }, [answer("1")]],
  ])("%s fails its own call, and the others go on", async (_, options, lines) => {
    const { link, logged, call, say } = createLink();
    const odd = call("1", options);
    const other = call("2");
    say(...lines);
    await eventually("the failure", () => odd.failures.length === 1);
    say(answer("2"));
    await eventually("the other answer", () => other.answers.length === 1);
    const [failure] = odd.failures;
    expect(failure?.code).toBe("internal_error");
    const errors = logged.filter(({ level }) => level === "ERROR");
    expect(errors.length).toBe(1);
    expect(errors[0]).toMatchObject({ session: "1", failureId: failure?.data?.["id"] });
    expect(JSON.stringify(errors)).toContain("an odd message");
    expect(link.isEnded()).toBe(false);
  });

  test("on its failure does not keep the others from hearing of theirs", async () => {
    const { fake, call, link, logged } = createLink();
    const calls = [call("1", { throws: "failure" }), call("2")];
    fake.exit({ code: 1, signal: null });
    await link.ended;
    expect(calls.map(({ failures }) => failures.length)).toEqual([1, 1]);
    expect(logged.filter(({ level }) => level === "ERROR").length).toBe(1);
  });

  test("of a bystander's ends nothing; a request of the child is refused", async () => {
    const { link, fake, call, say } = createLink();
    const throwing = () => {
      throw new TypeError("odd");
    };
    const bystander: Bystander = { onNotification: throwing, onRequest: throwing };
    link.listen(bystander);
    const { answers } = call("1");
    say(
      '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":{"toString":1}}}',
      '{"jsonrpc":"2.0","id":"q","method":"roots/list"}',
      answer("1"),
    );
    await eventually("the answer", () => answers.length === 1);
    expect(JSON.parse(fake.written.at(-1) ?? "")).toMatchObject({ id: "q", error: { code: -32603 } });
    expect(link.isEnded()).toBe(false);
  });
});

describe("what a child says before anybody hears it", () => {
  test("is kept for the first bystander, in order; a ping is answered, and what is too much is refused", async () => {
    const { link, fake, say, call } = createLink();
    const note = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
    const question = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"roots/list"}`;
    say('{"jsonrpc":"2.0","id":"p","method":"ping"}', note, ...Array.from({ length: 32 }, (_, id) => question(id)));
    const { answers } = call("1");
    say(answer("1"));
    await eventually("all of it", () => answers.length === 1);
    expect(JSON.parse(fake.written[0] ?? "")).toEqual({ jsonrpc: "2.0", id: 1, method: "tools/call", params: {} });
    expect(fake.written).toContain('{"jsonrpc":"2.0","id":"p","result":{}}');
    expect(fake.written.filter((line) => line.includes("Too many requests"))).toEqual([
      expect.stringContaining('"id":31,'),
    ]);
    const heard: string[] = [];
    link.listen({
      onNotification: ({ line }) => void heard.push(line.toString()),
      onRequest: ({ line }) => void heard.push(line.toString()),
    });
    expect(heard).toEqual([note, ...Array.from({ length: 31 }, (_, id) => question(id))]);
  });
});

test("a subscription's notifications and its end come under its caller's id; it counts as no request in flight", async () => {
  const { link, call, say } = createLink();
  const subscription = '"io.modelcontextprotocol/subscriptionId"';
  const { notifications, answers } = call('"mine"', { method: "subscriptions/listen", isEndless: true });
  expect(link.inFlight()).toBe(0);
  say(
    `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{${subscription}:1}}}`,
    `{"jsonrpc":"2.0","id":1,"result":{"_meta":{${subscription}:1}}}`,
  );
  await eventually("its end", () => answers.length === 1);
  expect(notifications[0]).toContain(`${subscription}:"mine"`);
  expect(answers).toEqual([`{"jsonrpc":"2.0","id":"mine","result":{"_meta":{${subscription}:"mine"}}}`]);
});
