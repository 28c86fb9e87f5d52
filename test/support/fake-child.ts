import type { Child } from "../../src/process/child.ts";
import type { ProcessExit } from "../../src/process/exit.ts";
import { createRedactor } from "../../src/process/redact.ts";
import { fakeStderr } from "./fake-stderr.ts";

/** A child in the hand of the test. */
export interface FakeChild {
  readonly child: Child;
  /** Messages that it got. */
  readonly got: readonly Readonly<Record<string, unknown>>[];
  /** Writes messages in one piece. */
  readonly say: (...messages: readonly object[]) => Promise<void>;
  readonly exit: (code: number) => void;
  readonly stops: () => number;
}

export function createFakeChild(): FakeChild {
  const got: Readonly<Record<string, unknown>>[] = [];
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stdout = writable.getWriter();
  const exited = Promise.withResolvers<ProcessExit>();
  let stops = 0;
  const child: Child = {
    pid: 1,
    stdout: readable,
    stderr: fakeStderr(() => ""),
    redactor: createRedactor([]),
    write: (line) => {
      got.push(JSON.parse(line.toString()));
      return "ok";
    },
    spoke: new Promise(() => undefined),
    inputClosed: new Promise(() => undefined),
    exited: exited.promise,
    stop: () => {
      stops++;
      exited.resolve({ code: 0, signal: null });
      return Promise.resolve();
    },
  };
  return {
    child,
    got,
    say: (...messages) =>
      stdout.write(
        Buffer.from(messages.map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`).join("")),
      ),
    exit: (code) => exited.resolve({ code, signal: null }),
    stops: () => stops,
  };
}
