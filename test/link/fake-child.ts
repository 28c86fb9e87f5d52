import type { Child } from "../../src/process/child.ts";
import type { ProcessExit } from "../../src/process/exit.ts";
import { createRedactor } from "../../src/process/redact.ts";
import { fakeStderr } from "../support/fake-stderr.ts";

/** A made-up child in the hand of a test. */
export interface FakeChild {
  readonly child: Child;
  /** What it got on stdin, line by line. */
  readonly written: readonly string[];
  readonly say: (text: string | Uint8Array) => void;
  readonly setInput: (state: "ok" | "full" | "closed") => void;
  readonly exit: (exit: ProcessExit) => void;
  readonly closeStdin: () => void;
  readonly closeStdout: () => void;
}

export function createFakeChild(): FakeChild {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stdout = writable.getWriter();
  const exited = Promise.withResolvers<ProcessExit>();
  const inputClosed = Promise.withResolvers<void>();
  const written: string[] = [];
  let input: "ok" | "full" | "closed" = "ok";
  return {
    child: {
      pid: 1,
      spoke: Promise.resolve(),
      stdout: readable,
      write: (line) => {
        if (input === "ok") written.push(line.toString());
        return input;
      },
      inputClosed: inputClosed.promise,
      exited: exited.promise,
      stderr: fakeStderr(() => "last words"),
      redactor: createRedactor([["API_KEY", "s3cr3t-key"]]),
      stop: () => Promise.resolve(),
    },
    written,
    say: (text) => void stdout.write(Buffer.from(text)).catch(() => undefined),
    setInput: (state) => {
      input = state;
    },
    exit: exited.resolve,
    closeStdin: inputClosed.resolve,
    closeStdout: () => void stdout.close().catch(() => undefined),
  };
}
