import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";

export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";

/**
 * The log: structured fields first, then the message. Credentials stay out by construction: callers pass named fields,
 * never a request, its headers or a child's environment.
 */
export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error" | "isLevelEnabled">;

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly destination: DestinationStream;
}

/** Makes the logger: one JSON object a line, with `level` as its name and `time` as ISO 8601 in UTC. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level: level.toLowerCase(),
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    destination,
  );
}
