import { ERRORS, type ErrorCode } from "../base/errors.ts";
import type { LinkEnd } from "../link/link.ts";
import { describeExit } from "../process/exit.ts";
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

/** How a session ends whose link has ended by itself. `how`: what the child did, for the log; undefined: it did not end. */
export function endingOf(end: LinkEnd): Ending & { readonly how?: string } {
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
      const how = end.kind === "exited" ? describeExit(end.exit) : `it closed its ${end.stream}`;
      const data = end.kind === "exited" ? { exitCode: end.exit.code, signal: end.exit.signal, stderr } : { stderr };
      const message = `The server's process ended before it answered: ${how}.`;
      return { reason: "child-exited", code: "child_exited", message, data, how };
    }
  }
}
