import type { Logger } from "../base/logger.ts";
import { createLineBudget } from "./line-budget.ts";
import type { Redactor } from "./redact.ts";
import { errorLineOf, reasonOf } from "./stderr-reason.ts";
import { followStderr } from "./stderr-tail.ts";

/** A child's last words may still be in its pipes when it has ended; a grandchild may hold them open for ever. */
const LAST_WORDS_MS = 200;

/** Of a child that does not get to its first answer, so many lines are shown of what it says first and last. */
const FIRST_LINES = 4;
const LAST_LINES = 8;

/** What a child that has not answered yet has said. */
export interface StartWords {
  /** The first and the last lines of stderr, redacted. */
  readonly stderr: string;
  /** The line that says why it fails, when there is one. */
  readonly reason: string | undefined;
}

/** What a child writes to stderr, without anybody's credentials. */
export interface ChildStderr {
  /** Settles with the first line. */
  readonly spoke: Promise<void>;
  /** Waits until the rest has come, or a moment has passed: for a child that has ended. */
  readonly drained: () => Promise<void>;
  /** The last lines, of what came from a position on. Default: from the beginning. */
  readonly lastWords: (since?: number) => string;
  /** @param hasEnded the last thing that was said is taken for the reason where nothing else is. */
  readonly startWords: (hasEnded: boolean) => StartWords;
  /** Characters that have come so far. */
  readonly position: () => number;
  /** Separates what has been written by now, and may still be in the pipe, from what will be. */
  readonly divide: () => void;
  /** Position at which the latest division was made; Infinity while that is not known. */
  readonly division: () => number;
  /** Reads no further. @returns fields for the log: how many lines it does not have. */
  readonly stop: () => Readonly<Record<string, unknown>>;
}

export interface ChildStderrOptions {
  readonly stream: ReadableStream<Uint8Array>;
  readonly redactor: Redactor;
  readonly log: Logger;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** Follows a child's stderr. Its lines are logged at DEBUG alone: what a server says there may be its clients' own. */
export function createChildStderr({ stream, redactor, log, context }: ChildStderrOptions): ChildStderr {
  const budget = createLineBudget();
  const leftOut = () => {
    const lines = budget.takeLeftOut();
    return lines === 0 ? {} : { leftOut: lines };
  };
  const { promise: spoke, resolve: onSpoke } = Promise.withResolvers<void>();
  const tail = followStderr({
    stream,
    redactor,
    wantsLine: () => {
      onSpoke();
      return log.isLevelEnabled("debug") && budget.take();
    },
    onLine: (line) => log.debug({ ...context, stderr: line, ...leftOut() }, "child stderr"),
  });
  const { divide, division } = createDivision(tail.position, tail.isWaiting);
  return {
    spoke,
    drained: () => Promise.race([tail.ended, Bun.sleep(LAST_WORDS_MS)]),
    lastWords: tail.text,
    startWords: (hasEnded) => {
      const lines = tail.lines();
      const isLong = lines.length > FIRST_LINES + LAST_LINES;
      const shown = isLong ? [...lines.slice(0, FIRST_LINES), "…", ...lines.slice(-LAST_LINES)] : lines;
      return { stderr: shown.join("\n"), reason: hasEnded ? reasonOf(lines) : errorLineOf(lines) };
    },
    position: tail.position,
    divide,
    division,
    stop: () => {
      tail.stop();
      return leftOut();
    },
  };
}

/**
 * What a server wrote before it answered has reached this process by then, or is read in the event loop's next turn: a turn in which
 * the reader had to wait for more is the proof that it has been. Two, as the first may have begun before.
 */
function createDivision(position: () => number, isWaiting: () => boolean): Pick<ChildStderr, "divide" | "division"> {
  let place = 0;
  let isDividing = false;
  let quietTurns = 0;
  const look = () => {
    quietTurns = isWaiting() ? quietTurns + 1 : 0;
    if (quietTurns <= 2) {
      setImmediate(look);
      return;
    }
    isDividing = false;
    place = position();
  };
  return {
    divide: () => {
      quietTurns = 0;
      if (isDividing) return;
      isDividing = true;
      setImmediate(look);
    },
    division: () => (isDividing ? Number.POSITIVE_INFINITY : place),
  };
}
