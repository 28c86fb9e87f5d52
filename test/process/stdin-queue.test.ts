import { describe, expect, test } from "bun:test";
import { createStdinQueue, type StdinQueue } from "../../src/process/stdin-queue.ts";
import { within } from "../support/eventually.ts";
import { createFakeSink } from "./fake-sink.ts";

const line = (text: string): Buffer => Buffer.from(text);

/** The turn of the event loop that the queue gathers lines in, and one more for what follows from it. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function isBroken(queue: StdinQueue): Promise<boolean> {
  return Promise.race([queue.broken.then(() => true), turns().then(() => false)]);
}

describe("lines to a child", () => {
  test("go out in order, one end of line each, those of one turn in one write", async () => {
    const sink = createFakeSink();
    const queue = createStdinQueue(sink, 0);
    for (const text of ["one", "two", "three"]) expect(queue.write(line(text))).toBe("ok");
    await turns();
    expect(sink.writes).toEqual(["one\ntwo\nthree\n"]);
    queue.write(line("four"));
    await turns();
    expect(sink.written()).toBe("one\ntwo\nthree\nfour\n");
  });

  test("of more than 64 KiB keep their order and their ends", async () => {
    const sink = createFakeSink();
    const queue = createStdinQueue(sink, 0);
    const texts = ["a".repeat(50_000), "b".repeat(70_000), "c"];
    for (const text of texts) queue.write(line(text));
    await turns();
    expect(sink.written()).toBe(`${texts.join("\n")}\n`);
  });

  test("that come while the pipe is full wait, and go together when it is not", async () => {
    const sink = createFakeSink();
    sink.setMood("flush", "full");
    const queue = createStdinQueue(sink, 0);
    queue.write(line("one"));
    await turns();
    queue.write(line("two"));
    queue.write(line("three"));
    await turns();
    expect(sink.writes).toEqual(["one\n"]);
    sink.setMood("flush", "takes");
    sink.drain();
    await turns();
    expect(sink.writes).toEqual(["one\n", "two\nthree\n"]);
  });
});

describe("the bound", () => {
  test("counts what waits for the child, and is free again when the child has read", async () => {
    const sink = createFakeSink();
    sink.setMood("flush", "full");
    const queue = createStdinQueue(sink, 20);
    expect(queue.write(line("0123456789"))).toBe("ok");
    await turns();
    expect(queue.write(line("01234567"))).toBe("ok");
    expect(queue.write(line("x"))).toBe("full");
    for (let i = 0; i < 2; i++) {
      sink.drain();
      await turns();
    }
    expect(queue.write(line("012345678"))).toBe("ok");
    expect(queue.write(line("012345678"))).toBe("ok");
    expect(queue.write(line("x"))).toBe("full");
  });

  test("never refuses the only line, however long", async () => {
    const queue = createStdinQueue(createFakeSink(), 20);
    expect(queue.write(line("x".repeat(1_000)))).toBe("ok");
    expect(queue.write(line("x"))).toBe("full");
    await turns();
    expect(queue.write(line("x".repeat(1_000)))).toBe("ok");
  });

  test("0 is none", () => {
    const sink = createFakeSink();
    sink.setMood("flush", "full");
    const queue = createStdinQueue(sink, 0);
    for (let i = 0; i < 1_000; i++) expect(queue.write(line("x".repeat(1_000)))).toBe("ok");
  });
});

describe("the end", () => {
  test("hands over what was gathered, then closes, once", async () => {
    const sink = createFakeSink();
    const queue = createStdinQueue(sink, 0);
    queue.write(line("last"));
    queue.close();
    queue.close();
    expect(sink.written()).toBe("last\n");
    expect(sink.hasEnded()).toBe(true);
    expect(queue.write(line("more"))).toBe("closed");
    await turns();
    expect(sink.written()).toBe("last\n");
    expect(await isBroken(queue)).toBe(false);
  });

  test("while the pipe is full writes nothing afterwards", async () => {
    const sink = createFakeSink();
    sink.setMood("flush", "full");
    const queue = createStdinQueue(sink, 0);
    queue.write(line("one"));
    await turns();
    queue.write(line("two"));
    queue.close();
    sink.drain();
    await turns();
    expect(sink.written()).toBe("one\ntwo\n");
  });
});

describe("a broken pipe", () => {
  test.each([
    ["write", "throws"],
    ["write", "rejects"],
    ["flush", "throws"],
    ["flush", "rejects"],
  ] as const)("that shows in %s, which %s, is told and closes the queue", async (call, mood) => {
    const sink = createFakeSink();
    sink.setMood(call, mood);
    const queue = createStdinQueue(sink, 0);
    expect(queue.write(line("one"))).toBe("ok");
    await within("the broken pipe", queue.broken);
    expect(queue.write(line("two"))).toBe("closed");
  });

  test("that shows in the end alone breaks nothing else", async () => {
    for (const mood of ["throws", "rejects"] as const) {
      const sink = createFakeSink();
      sink.setMood("end", mood);
      const queue = createStdinQueue(sink, 0);
      queue.close();
      await turns();
      expect(queue.write(line("more"))).toBe("closed");
    }
  });

  test("of a program that closes its stdin and lives on is told, and ends nobody else", async () => {
    const child = Bun.spawn(["sh", "-c", "exec 0<&-; echo closed; exec sleep 60"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const queue = createStdinQueue(child.stdin, 0);
    await child.stdout.getReader().read();
    queue.write(line("x"));
    await within("the broken pipe", queue.broken);
    expect(queue.write(line("x"))).toBe("closed");
    child.kill("SIGKILL");
    await child.exited;
  });

  test("of a program that has ended throws nothing: its end is told otherwise", async () => {
    const child = Bun.spawn(["true"], { stdio: ["pipe", "ignore", "ignore"] });
    const queue = createStdinQueue(child.stdin, 0);
    await child.exited;
    for (let i = 0; i < 5; i++) {
      queue.write(line("x".repeat(100_000)));
      await turns();
    }
    queue.close();
    await turns();
  });
});
