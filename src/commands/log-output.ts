import { type DestinationStream, destination } from "pino";

/** What may wait in memory while the log's reader is slow; beyond it lines are dropped, and the number is logged. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

const LONGEST_FLUSH_MS = 1_000;

export interface LogOutput {
  readonly stream: DestinationStream;
  /** Writes out what waits; before the process ends. */
  readonly flush: () => void;
}

/**
 * Connects the log with stdout. Writes are asynchronous and gather what comes while one is under way, so that the log
 * never holds up a message. A reader that goes away costs the log, not the proxy.
 */
export async function openLogOutput(pretty: boolean): Promise<LogOutput> {
  let flushingSince: number | undefined;
  const stdout = destination({
    fd: 1,
    sync: false,
    maxLength: MAX_WAITING_BYTES,
    // A reader that has stopped must not keep the process from ending.
    retryEAGAIN: () => flushingSince === undefined || performance.now() - flushingSince < LONGEST_FLUSH_MS,
  });
  stdout.on("error", () => undefined);
  let dropped = 0;
  stdout.on("drop", () => {
    dropped++;
  });
  stdout.on("drain", () => {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    stdout.write(
      `${JSON.stringify({ level: "WARN", time: new Date().toISOString(), lines, msg: "log lines dropped" })}\n`,
    );
  });
  const flush = () => {
    flushingSince = performance.now();
    try {
      stdout.flushSync();
    } catch {
      // Nobody reads any more, or nothing was ever written.
    }
  };
  if (!pretty) return { stream: stdout, flush };
  const { prettyFactory } = await import("pino-pretty");
  const render = prettyFactory({
    colorize: process.stdout.isTTY === true,
    translateTime: "SYS:HH:MM:ss.l",
    customLevels: "DEBUG:20,INFO:30,WARN:40,ERROR:50",
    singleLine: true,
  });
  return { stream: { write: (line: string) => void stdout.write(render(line)) }, flush };
}
