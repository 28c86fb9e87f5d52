import { describe, expect, test } from "bun:test";
import { createLogger } from "../../src/base/logger.ts";
import { readChild } from "../../src/link/child-reader.ts";
import type { LinkEnd } from "../../src/link/link.ts";
import type { Child } from "../../src/process/child.ts";
import type { ProcessExit } from "../../src/process/exit.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { eventually, within } from "../support/eventually.ts";
import { fakeStderr } from "../support/fake-stderr.ts";

const message = (method: string) => `{"jsonrpc":"2.0","method":"${method}"}`;

/** A link to a made-up child, and everything that came out of it. */
function createLink({ maxLineBytes = 0 } = {}) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stdout = writable.getWriter();
  const exited = Promise.withResolvers<ProcessExit>();
  const inputClosed = Promise.withResolvers<void>();
  const end = Promise.withResolvers<LinkEnd>();
  const received: (readonly string[])[] = [];
  const logged: Record<string, unknown>[] = [];
  let gate: Promise<void> | undefined;
  let ends = 0;
  const child: Child = {
    pid: 1,
    spoke: Promise.resolve(),
    stdout: readable,
    write: () => "ok",
    inputClosed: inputClosed.promise,
    exited: exited.promise,
    stderr: fakeStderr(() => "last words"),
    stop: () => Promise.resolve(),
  };
  const { dropped } = readChild({
    child,
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
    say: (text: string) => void stdout.write(Buffer.from(text)).catch(() => undefined),
    exit: (exit: ProcessExit) => exited.resolve(exit),
    closeStdin: () => inputClosed.resolve(),
    closeStdout: () => void stdout.close().catch(() => undefined),
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
    const link = createLink();
    const slow = link.slowDown();
    link.say(`${message("a")}\n`);
    await eventually("the first", () => arrived(link).length === 1);
    link.say(`${message("b")}\n`);
    await Bun.sleep(30);
    expect(arrived(link)).toEqual([message("a")]);
    slow.open();
    await eventually("the second", () => arrived(link).length === 2);
    link.exit({ code: 0, signal: null });
    await link.end;
  });

  test("are told from what is none: that is dropped and counted, and ten of it are logged without its text", async () => {
    const link = createLink();
    link.say(`${"banner s3cr3t\n".repeat(25)}${message("a")}\n`);
    await eventually("the message", () => arrived(link).length === 1);
    expect(link.dropped()).toBe(25);
    expect(link.logged.length).toBe(10);
    expect(link.logged[0]).toMatchObject({ session: "1", bytes: 13, reason: "not-json" });
    expect(JSON.stringify(link.logged)).not.toContain("s3cr3t");
    link.exit({ code: 0, signal: null });
    await link.end;
  });
});

describe("the end of the child", () => {
  test("is its exit, after all that it wrote, also to a slow client", async () => {
    const link = createLink();
    const slow = link.slowDown();
    link.say(`${message("a")}\n`);
    await eventually("the first", () => arrived(link).length === 1);
    link.say(`${message("b")}\n`);
    link.exit({ code: 3, signal: null });
    await Bun.sleep(300);
    expect(link.ends()).toBe(0);
    slow.open();
    expect(await link.end).toEqual({ kind: "exited", exit: { code: 3, signal: null }, stderr: "last words" });
    expect(arrived(link)).toEqual([message("a"), message("b")]);
  });

  test("is its exit although a grandchild keeps its stdout", async () => {
    const link = createLink();
    link.exit({ code: null, signal: "SIGKILL" });
    expect(await link.end).toMatchObject({ kind: "exited", exit: { signal: "SIGKILL" } });
  });

  test("is its exit when stdout ends a moment before it is known", async () => {
    const link = createLink();
    link.closeStdout();
    setTimeout(() => link.exit({ code: 4, signal: null }), 50);
    expect(await link.end).toMatchObject({ kind: "exited", exit: { code: 4 } });
  });

  test("is its exit when its death broke stdin", async () => {
    const link = createLink();
    link.closeStdin();
    setTimeout(() => link.exit({ code: 5, signal: null }), 50);
    expect(await link.end).toMatchObject({ kind: "exited", exit: { code: 5 } });
  });

  test.each([
    ["closeStdin", "stdin"],
    ["closeStdout", "stdout"],
  ] as const)("is what it closed while it lives on: %s", async (close, stream) => {
    const link = createLink();
    link[close]();
    expect(await link.end).toEqual({ kind: "closed", stream, stderr: "last words" });
    link.exit({ code: 0, signal: null });
    await Bun.sleep(10);
    expect(link.ends()).toBe(1);
  });

  test("is a line over the limit, after the messages before it", async () => {
    const link = createLink({ maxLineBytes: 60 });
    link.say(`${message("a")}\n${"x".repeat(61)}`);
    expect(await link.end).toEqual({ kind: "line-too-long", maxLineBytes: 60 });
    expect(arrived(link)).toEqual([message("a")]);
  });

  test("leaves out a last line without its end", async () => {
    const link = createLink();
    link.say(`${message("a")}\n${message("b")}`);
    link.closeStdout();
    link.exit({ code: 0, signal: null });
    await link.end;
    expect(arrived(link)).toEqual([message("a")]);
  });
});
