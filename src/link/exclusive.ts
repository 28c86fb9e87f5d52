import type { Logger } from "../base/logger.ts";
import type { Child } from "../process/child.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { readChild } from "./child-reader.ts";
import type { ConnectLink } from "./link.ts";

export interface ExclusiveLinkOptions {
  readonly child: Child;
  readonly scan: JsonScanner;
  /** Longest message from the child, in bytes; 0: no bound. */
  readonly maxLineBytes: number;
  readonly log: Logger;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** A session's own child: messages pass through as bytes, and a slow client keeps the child waiting. */
export function createExclusiveLink({ child, ...reading }: ExclusiveLinkOptions): ConnectLink {
  return (events) => {
    const { owed = () => [], ...others } = events;
    const { dropped } = readChild({ child, ...reading, ...others, owed });
    const startWords = () => child.stderr.startWords(false);
    return { pid: child.pid, send: ({ line }) => child.write(line), dropped, startWords, stop: child.stop };
  };
}
