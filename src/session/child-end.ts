import { ERRORS, type ErrorCode } from "../base/errors.ts";
import type { LinkEnd } from "../link/link.ts";
import { howItEnded, startTimeout } from "../link/link-end.ts";
import type { StartWords } from "../process/child-stderr.ts";
import { ENDINGS, type EndReason } from "./endings.ts";

/** How a session ends, and what its client is told. */
export interface Ending {
  readonly reason: EndReason;
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** How a session ends that nothing but a reason is known of. */
export function endingFor(reason: EndReason): Ending {
  return { reason, ...ENDINGS[reason], data: {} };
}

/** How a session ends whose child gave no first answer in time. */
export function endingOfSlowStart(words: StartWords): Ending {
  const { code, message, data = {} } = startTimeout(words);
  return { reason: "start-timeout", code, message, data };
}

/**
 * What the log may hold of the end of a child, at every level. Its stderr may be its client's own and stands there at DEBUG alone, but
 * for why it did not start.
 *
 * @param sawClient whether more of the client than `initialize` had reached it.
 */
export function loggedEnd(end: LinkEnd, sawClient: boolean): string | undefined {
  if (end.kind !== "exited" && end.kind !== "closed") return undefined;
  return howItEnded(sawClient ? { ...end, reason: undefined } : end);
}

/** How a session ends whose link has ended by itself. */
export function endingOf(end: LinkEnd): Ending {
  switch (end.kind) {
    case "stalled":
      return endingFor("stalled");
    case "line-too-long":
      return {
        reason: "line-too-large",
        code: "child_line_too_large",
        message: `The server wrote a message of more than ${end.maxLineBytes} bytes; the session was ended.`,
        data: {},
      };
    case "failed": {
      // Only what the child did counts against it.
      const reason = ERRORS[end.code].fault === "child" ? "child-exited" : "unavailable";
      return { reason, code: end.code, message: end.message, data: end.data };
    }
    case "exited":
    case "closed": {
      const { stderr } = end;
      const how = howItEnded(end);
      const data = end.kind === "exited" ? { exitCode: end.exit.code, signal: end.exit.signal, stderr } : { stderr };
      const message = `The server's process ended before it answered: ${how}.`;
      return { reason: "child-exited", code: "child_exited", message, data };
    }
  }
}
