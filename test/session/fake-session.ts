import { createLogger } from "../../src/base/logger.ts";
import { readChild } from "../../src/link/child-reader.ts";
import type { Child } from "../../src/process/child.ts";
import type { ProcessExit } from "../../src/process/exit.ts";
import { createRedactor } from "../../src/process/redact.ts";
import type { EndReason } from "../../src/session/endings.ts";
import type { SessionOutput } from "../../src/session/output.ts";
import { createSession, type Session } from "../../src/session/session.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { type ServerChanges, scriptServer } from "../process/child-host.ts";
import { fakeStderr } from "../support/fake-stderr.ts";

/** A session between a made-up child and a made-up client, both in the hand of the test. */
export interface FakeSession {
  readonly session: Session;
  /** Sends a message as the client does. @throws ProxyError. */
  readonly send: (message: object) => void;
  /** Lines that the child got. */
  readonly toChild: readonly string[];
  /** Writes lines as the child does. */
  readonly say: (...lines: readonly (string | object)[]) => void;
  /** Everything that the client got, in order: messages, then `closed`, `closed: FAREWELL` or `cut`. */
  readonly toClient: readonly string[];
  readonly setChildInput: (state: "ok" | "full" | "closed") => void;
  readonly setClient: (state: "ok" | "slow" | "stalled") => void;
  /** Makes the child exit. */
  readonly exit: (exit: ProcessExit, lastWords?: string) => void;
  readonly closeStdin: () => void;
  readonly closeStdout: () => void;
  readonly setDraining: () => void;
  readonly ended: Promise<{ readonly reason: EndReason; readonly answered: boolean }>;
  readonly stops: () => number;
  readonly logged: readonly Readonly<Record<string, unknown>>[];
}

export function createFakeSession(changes: ServerChanges = {}): FakeSession {
  const toChild: string[] = [];
  const toClient: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stdout = writable.getWriter();
  const exited = Promise.withResolvers<ProcessExit>();
  const inputClosed = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<{ reason: EndReason; answered: boolean }>();
  let childInput: "ok" | "full" | "closed" = "ok";
  let client: "ok" | "slow" | "stalled" = "ok";
  let lastWords = "";
  let stops = 0;
  let isDraining = false;
  let isOpen = true;

  const child: Child = {
    pid: 1,
    spoke: Promise.resolve(),
    stdout: readable,
    write: (line) => {
      if (childInput === "ok") toChild.push(line.toString());
      return childInput;
    },
    inputClosed: inputClosed.promise,
    exited: exited.promise,
    stderr: fakeStderr(() => lastWords),
    redactor: createRedactor([]),
    stop: () => {
      stops++;
      return Promise.resolve();
    },
  };

  const output: SessionOutput = {
    deliver: (messages) => {
      toClient.push(...messages.map(({ line }) => line.toString()));
      return client === "slow" ? new Promise(() => undefined) : undefined;
    },
    answer: (_id, json) => void toClient.push(json),
    separatesAnswers: false,
    abandon: () => undefined,
    isListening: () => isOpen,
    patienceMs: Number.POSITIVE_INFINITY,
    isOpen: () => isOpen,
    check: () => (client === "stalled" ? "stalled" : "ok"),
    nextCheck: () => performance.now() + 10,
    close: (farewell) => {
      isOpen = false;
      toClient.push(farewell === undefined ? "closed" : `closed: ${farewell}`);
    },
    cut: () => {
      isOpen = false;
      toClient.push("cut");
    },
  };

  const scan = createJsonScanner(64);
  const server = scriptServer("", changes);
  const log = createLogger({ level: "DEBUG", destination: { write: (line) => logged.push(JSON.parse(line)) } });
  const session = createSession({
    id: "id",
    name: "1",
    server,
    principal: { id: "principal" },
    client: "192.0.2.1",
    transport: "sse",
    connect: ({ owed = () => [], ...events }) => {
      const { dropped } = readChild({
        child,
        scan,
        maxLineBytes: server.limits.lineBytes,
        log,
        context: {},
        owed,
        ...events,
      });
      return { pid: child.pid, send: ({ line }) => child.write(line), dropped, stop: child.stop };
    },
    variableNames: ["TOKEN"],
    output,
    log,
    isDraining: () => isDraining,
    onEnd: (reason, answered) => ended.resolve({ reason, answered }),
  });

  return {
    session,
    send: (message) => session.receive(readClientMessage(Buffer.from(JSON.stringify(message)), scan)),
    toChild,
    toClient,
    say: (...lines) => {
      const text = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
      void stdout.write(Buffer.from(text)).catch(() => undefined);
    },
    setChildInput: (state) => {
      childInput = state;
    },
    setClient: (state) => {
      client = state;
    },
    exit: (exit, words = "") => {
      lastWords = words;
      exited.resolve(exit);
    },
    closeStdin: () => inputClosed.resolve(),
    closeStdout: () => void stdout.close().catch(() => undefined),
    setDraining: () => {
      isDraining = true;
    },
    ended: ended.promise,
    stops: () => stops,
    logged,
  };
}
