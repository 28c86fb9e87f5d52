import { describe, expect, test } from "bun:test";
import { createLogger } from "../../src/base/logger.ts";
import { readChild } from "../../src/link/child-reader.ts";
import type { LinkEnd, OwedRequest } from "../../src/link/link.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { eventually, within } from "../support/eventually.ts";
import { stopClock } from "../support/fake-clock.ts";
import { createFakeChild } from "./fake-child.ts";

const message = (method: string) => `{"jsonrpc":"2.0","method":"${method}"}`;

/** A link to a made-up child, and everything that came out of it. */
function createLink({ maxLineBytes = 0, owed = [] }: { maxLineBytes?: number; owed?: OwedRequest[] } = {}) {
  const fake = createFakeChild();
  const end = Promise.withResolvers<LinkEnd>();
  const received: (readonly string[])[] = [];
  const logged: Record<string, unknown>[] = [];
  let gate: Promise<void> | undefined;
  let ends = 0;
  const { dropped } = readChild({
    child: fake.child,
    owed: () => owed,
    scan: createJsonScanner(64),
    maxLineBytes,
    onMessages: (messages) => {
      received.push(messages.map(({ line }) => line.toString()));
      return gate;
    },
    onEnd: (reason) => {
      ends++;
      end.resolve(reason);
    },
    log: createLogger({ level: "DEBUG", destination: { write: (line) => logged.push(JSON.parse(line)) } }),
    context: { session: "1" },
  });
  return {
    received,
    logged,
    dropped,
    ends: () => ends,
    say: fake.say,
    exit: fake.exit,
    closeStdin: fake.closeStdin,
    closeStdout: fake.closeStdout,
    /** From now on messages wait until `open` is called. */
    slowDown: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return {
        open: () => {
          gate = undefined;
          resolve();
        },
      };
    },
    end: within("the end of the link", end.promise),
  };
}

const arrived = (link: ReturnType<typeof createLink>) => link.received.flat();

describe("messages of the child", () => {
  test("come in order, those of one read together, whatever the reads cut", async () => {
    const link = createLink();
    link.say(`${message("a")}\n${message("b")}\n${message("c").slice(0, 10)}`);
    link.say(`${message("c").slice(10)}\n`);
    await eventually("three messages", () => arrived(link).length === 3);
    expect(link.received).toEqual([[message("a"), message("b")], [message("c")]]);
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("are not read while earlier ones wait for a slow client", async () => {
    using clock = stopClock();
    const link = createLink();
    const slow = link.slowDown();
    link.say(`${message("a")}\n`);
    await clock.settle();
    link.say(`${message("b")}\n`);
    await clock.pass(2_000);
    expect(arrived(link)).toEqual([message("a")]);
    slow.open();
    await clock.settle();
    expect(arrived(link)).toEqual([message("a"), message("b")]);
    link.exit({ code: 0, signal: null });
    await clock.pass(2_000);
    await link.end;
  });

  test("are told from what is none: that is dropped and counted, and ten of it are shown, without credentials", async () => {
    const link = createLink();
    link.say(`${"banner s3cr3t-key \u001b[31m!\n".repeat(25)}${message("a")}\n`);
    await eventually("the message", () => arrived(link).length === 1);
    expect(link.dropped()).toBe(25);
    expect(link.logged.length).toBe(10);
    expect(link.logged[0]).toMatchObject({
      session: "1",
      bytes: 24,
      reason: "not-json",
      line: "banner [API_KEY]  [31m!",
    });
    expect(JSON.stringify(link.logged)).not.toContain("s3cr3t");
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("that are long and none are shown in part, cut behind a credential and not within", async () => {
    const link = createLink();
    link.say(`${"x".repeat(295)}s3cr3t-key${"y".repeat(5_000)}\n${message("a")}\n`);
    await eventually("the message", () => arrived(link).length === 1);
    expect(link.logged[0]).toMatchObject({ bytes: 5_305, line: `${"x".repeat(295)}[API_…` });
    link.exit({ code: 0, signal: null });
    await link.end;
  });
});

describe("the end of the child", () => {
  test("is its exit, after all that it wrote, also to a slow client", async () => {
    using clock = stopClock();
    const link = createLink();
    const slow = link.slowDown();
    link.say(`${message("a")}\n`);
    await clock.settle();
    link.say(`${message("b")}\n`);
    link.exit({ code: 3, signal: null });
    await clock.pass(2_000);
    expect(link.ends()).toBe(0);
    slow.open();
    await clock.pass(2_000);
    expect(await link.end).toEqual({ kind: "exited", exit: { code: 3, signal: null }, stderr: "last words" });
    expect(arrived(link)).toEqual([message("a"), message("b")]);
  });

  test("is its exit although a grandchild keeps its stdout", async () => {
    const link = createLink();
    link.exit({ code: null, signal: "SIGKILL" });
    expect(await link.end).toMatchObject({ kind: "exited", exit: { signal: "SIGKILL" } });
  });

  test("is its exit when stdout ends a moment before it is known", async () => {
    using clock = stopClock();
    const link = createLink();
    link.closeStdout();
    await clock.pass(50);
    link.exit({ code: 4, signal: null });
    await clock.pass(2_000);
    expect(await link.end).toMatchObject({ kind: "exited", exit: { code: 4 } });
  });

  test("is its exit when its death broke stdin", async () => {
    using clock = stopClock();
    const link = createLink();
    link.closeStdin();
    await clock.pass(50);
    link.exit({ code: 5, signal: null });
    await clock.pass(2_000);
    expect(await link.end).toMatchObject({ kind: "exited", exit: { code: 5 } });
  });

  test.each([
    ["closeStdin", "stdin"],
    ["closeStdout", "stdout"],
  ] as const)("is what it closed while it lives on: %s", async (close, stream) => {
    using clock = stopClock();
    const link = createLink();
    link[close]();
    await clock.pass(2_000);
    expect(await link.end).toEqual({ kind: "closed", stream, stderr: "last words" });
    link.exit({ code: 0, signal: null });
    await clock.pass(2_000);
    expect(link.ends()).toBe(1);
  });

  test("is a line over the limit, after the messages before it", async () => {
    const link = createLink({ maxLineBytes: 60 });
    link.say(`${message("a")}\n${"x".repeat(61)}`);
    expect(await link.end).toEqual({ kind: "line-too-long", maxLineBytes: 60 });
    expect(arrived(link)).toEqual([message("a")]);
  });

  test("takes a last line without its end along, if it is a whole message", async () => {
    for (const [last, received] of [
      [message("b"), [message("a"), message("b")]],
      [message("b").slice(0, -1), [message("a")]],
    ] as const) {
      const link = createLink();
      link.say(`${message("a")}\n${last}`);
      link.closeStdout();
      link.exit({ code: 0, signal: null });
      await link.end;
      expect(arrived(link)).toEqual([...received]);
    }
  });
});

describe("a message without its newline", () => {
  test("is taken when the child falls silent, and the newline that comes then is nothing", async () => {
    const link = createLink();
    link.say(`${message("a")}\n${message("b")}`);
    await eventually("both", () => arrived(link).length === 2);
    link.say(`\n${message("c")}${message("d")}`);
    await eventually("all four", () => arrived(link).length === 4);
    expect(arrived(link)).toEqual(["a", "b", "c", "d"].map(message));
    expect(link.dropped()).toBe(0);
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("is not taken while it may go on", async () => {
    using clock = stopClock();
    const link = createLink();
    const whole = '{"jsonrpc":"2.0","id":1,"result":{"a":{"b":{}},"c":{}}}';
    for (const end of [whole.indexOf("}}") + 1, whole.indexOf("}}") + 2, whole.length - 2, whole.length - 1]) {
      link.say(whole.slice(0, end));
      // Longer than the silence that ends a message.
      await clock.pass(2_000);
      expect(arrived(link)).toEqual([]);
      link.say(`${whole.slice(end)}\n`);
      await clock.settle();
      expect(link.received.splice(0)).toEqual([[whole]]);
    }
    link.exit({ code: 0, signal: null });
    await clock.pass(2_000);
    await link.end;
  });
});

describe("an answer that cannot be used", () => {
  const request = (id: string): OwedRequest => ({ id, rawId: id, identity: {} });
  const errorOf = (line: string | undefined) => JSON.parse(line ?? "{}");

  test("is an error for its request, with what is wrong, and without credentials", async () => {
    const link = createLink({ owed: [request("7"), request("8")] });
    link.say('{"jsonrpc":"2.0","id":7,"result":{"key":"s3cr3t-key","a":nope}}\n');
    await eventually("the error", () => arrived(link).length === 1);
    const { id, error } = errorOf(arrived(link)[0]);
    expect([id, error.code, error.data]).toEqual([7, -32000, { code: "child_bad_answer" }]);
    expect(error.message).toContain("it is no valid JSON");
    expect(error.message).toContain('"key":"[API_KEY]"');
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("that is cut off is one when another message comes, or nothing more", async () => {
    const link = createLink({ owed: [request("7"), request("8")] });
    link.say(`{"jsonrpc":"2.0","id":7,"result":{"content\n${message("a")}\n{"jsonrpc":"2.0","id":8,"resu\n`);
    await eventually("both errors", () => arrived(link).length === 3);
    expect(arrived(link).map((line) => errorOf(line).id)).toEqual([7, undefined, 8]);
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("without an id is one for the only request there is, unless its own answer comes soon", async () => {
    using clock = stopClock();
    const owed = [request("7")];
    const link = createLink({ owed });
    link.say('{"jsonrpc":"2.0","result":{}}\n');
    await clock.pass(2_000);
    expect(errorOf(arrived(link)[0])).toMatchObject({ id: 7, error: { data: { code: "child_bad_answer" } } });

    link.received.length = 0;
    link.say('{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}\n');
    const answer = '{"jsonrpc":"2.0","id":7,"result":{}}';
    link.say(`${answer}\n`);
    await clock.settle();
    expect(arrived(link)).toEqual([answer]);
    // The next request may have the same id.
    owed.splice(0, 1, request("7"));
    await clock.pass(2_000);
    expect(arrived(link)).toEqual([answer]);
    link.exit({ code: 0, signal: null });
    await clock.pass(2_000);
    await link.end;
  });

  test("that says that the request could not be read is the only request's", async () => {
    const link = createLink({ owed: [request("7")] });
    link.say('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}\n');
    await eventually("the error", () => arrived(link).length === 1);
    expect(arrived(link)).toEqual(['{"jsonrpc":"2.0","id":7,"error":{"code":-32700,"message":"Parse error"}}']);
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("in the text of a log is none if the answer itself comes soon", async () => {
    using clock = stopClock();
    const owed = [request("7"), request("8")];
    const link = createLink({ owed });
    const answer = '{"jsonrpc":"2.0","id":7,"result":{}}';
    link.say(`DEBUG sending {"jsonrpc":"2.0","id":7,"result":{...}}\n${answer}\n`);
    await clock.settle();
    expect(arrived(link)).toEqual([answer]);
    // It is owed no more.
    owed.shift();
    await clock.pass(2_000);
    expect(arrived(link)).toEqual([answer]);
    link.exit({ code: 0, signal: null });
    await clock.pass(2_000);
    await link.end;
  });
});
