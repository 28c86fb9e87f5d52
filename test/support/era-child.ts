import { join } from "node:path";
import { within } from "./eventually.ts";
import type { Message } from "./sse-session.ts";

/** A fixture that the test talks to over its stdin and stdout. */
export interface EraChild extends AsyncDisposable {
  readonly pid: number;
  readonly send: (message: object) => void;
  /** Sends a request and resolves with its answer, which must be the next message. Ids count from 1 unless one is given. */
  readonly request: (method: string, params?: object, id?: string | number) => Promise<Message>;
  /** The next message. Rejects when stdout ends first, or after `WAIT_MS`. */
  readonly next: () => Promise<Message>;
  /** The next line on stderr. */
  readonly complaint: () => Promise<string>;
  readonly exited: Promise<number>;
  /** Closes stdin; resolves with all that was not read yet, when the process has ended with code 0. */
  readonly finish: () => Promise<readonly Message[]>;
}

/** Starts test/fixtures/NAME.ts with an environment of its own. */
export function startEra(name: string, env: Readonly<Record<string, string>> = {}): EraChild {
  const subprocess = Bun.spawn([process.execPath, join(import.meta.dir, "..", "fixtures", `${name}.ts`)], {
    env: { ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const messages = linesOf(subprocess.stdout);
  const complaints = linesOf(subprocess.stderr);
  let lastId = 0;

  const send: EraChild["send"] = (message) => {
    subprocess.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    subprocess.stdin.flush();
  };
  const read = async (what: string, lines: AsyncIterator<string>): Promise<string> => {
    const { done, value } = await within(`${what} of ${name}`, lines.next());
    if (done === true) throw new Error(`${name} ended before ${what}`);
    return value;
  };
  const next = async (): Promise<Message> => JSON.parse(await read("a message", messages)) as Message;
  const request: EraChild["request"] = async (method, params, id = ++lastId) => {
    send({ id, method, ...(params && { params }) });
    const message = await next();
    if (message.id === id && message.method === undefined) return message;
    throw new Error(`${name} said ${JSON.stringify(message)} and not the answer to ${method}`);
  };
  return {
    pid: subprocess.pid,
    send,
    request,
    next,
    complaint: () => read("a line on stderr", complaints),
    exited: subprocess.exited,
    finish: async () => {
      await subprocess.stdin.end();
      const code = await within(`the end of ${name}`, subprocess.exited);
      if (code !== 0) throw new Error(`${name} ended with ${code}`);
      const rest = await within(`the rest of ${name}`, Array.fromAsync({ [Symbol.asyncIterator]: () => messages }));
      return rest.map((line) => JSON.parse(line) as Message);
    },
    [Symbol.asyncDispose]: async () => {
      subprocess.kill("SIGKILL");
      await subprocess.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
