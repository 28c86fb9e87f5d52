import { within } from "./eventually.ts";

/** One line of the proxy's JSON log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What a proxy wrote to stdout and stderr. */
export interface ProxyLog {
  readonly lines: readonly LogLine[];
  /** Lines that are no JSON objects: with LOG_FORMAT=json there must be none. */
  readonly strays: readonly string[];
  readonly text: () => string;
  /** The first line, written already or later, that fits. */
  readonly until: (what: string, fits: (line: LogLine) => boolean) => Promise<LogLine>;
}

/** A log that is being read. */
export interface CollectedLog extends ProxyLog {
  /** Resolves when all streams are at their ends. */
  readonly ended: Promise<void>;
  /** Closes the reading ends: what the proxy writes from now on hits a closed pipe. */
  readonly closePipes: () => Promise<void>;
}

/** What a stream's reader is to this file: the two typings of it that are about differ in the rest. */
interface LineSource {
  readonly read: () => Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** Reads streams to their ends, as a log collector does: nothing that the proxy writes ever waits for the test. */
export function collectLog(streams: readonly ReadableStream<Uint8Array>[]): CollectedLog {
  const lines: LogLine[] = [];
  const strays: string[] = [];
  const waiting = new Set<(line: LogLine) => void>();

  const take = (line: string): void => {
    if (line === "") return;
    const parsed = parseLine(line);
    if (parsed === undefined) {
      strays.push(line);
      return;
    }
    lines.push(parsed);
    for (const look of [...waiting]) look(parsed);
  };

  const until: ProxyLog["until"] = async (what, fits) => {
    const seen = lines.find(fits);
    if (seen !== undefined) return seen;
    let look: ((line: LogLine) => void) | undefined;
    const coming = new Promise<LogLine>((resolve) => {
      look = (line) => {
        if (fits(line)) resolve(line);
      };
      waiting.add(look);
    });
    try {
      return await within(`log line: ${what}`, coming);
    } finally {
      if (look !== undefined) waiting.delete(look);
    }
  };

  const readers = streams.map((stream) => stream.getReader());
  const ended = Promise.all(readers.map((reader) => readLines(reader, take))).then(() => {});
  const closePipes = async (): Promise<void> => {
    await Promise.all(readers.map((reader) => reader.cancel()));
  };
  return {
    lines,
    strays,
    text: () => [...lines.map((line) => JSON.stringify(line)), ...strays].join("\n"),
    until,
    ended,
    closePipes,
  };
}

async function readLines(reader: LineSource, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) take(part);
  }
  take(rest);
}

function parseLine(line: string): LogLine | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
