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
  readonly until: (what: string, fits: (line: LogLine) => boolean, withinMs?: number) => Promise<LogLine>;
}

/** Reads streams to their ends, as a log collector does: nothing that the proxy writes ever waits for the test. */
export function collectLog(
  streams: readonly ReadableStream<Uint8Array>[],
): ProxyLog & { readonly ended: Promise<void> } {
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

  const until: ProxyLog["until"] = async (what, fits, withinMs) => {
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
      return await within(`log line: ${what}`, coming, withinMs);
    } finally {
      if (look !== undefined) waiting.delete(look);
    }
  };

  const ended = Promise.all(streams.map((stream) => readLines(stream, take))).then(() => {});
  return {
    lines,
    strays,
    text: () => [...lines.map((line) => JSON.stringify(line)), ...strays].join("\n"),
    until,
    ended,
  };
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
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
