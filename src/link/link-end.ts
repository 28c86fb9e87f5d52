import { ProxyError } from "../base/errors.ts";
import { describeExit } from "../process/exit.ts";
import type { LinkEnd } from "./link.ts";

/** What a caller is told whose request a child will not answer any more; with the child's last words, if they are its own. */
export function describeEnd(end: LinkEnd, withStderr = true): ProxyError {
  switch (end.kind) {
    case "stalled":
      return new ProxyError("client_left", { message: "The client took no data any more." });
    case "failed":
      return new ProxyError(end.code, { message: end.message, data: end.data });
    case "line-too-long":
      return new ProxyError("child_line_too_large", {
        message: `The server wrote a message of more than ${end.maxLineBytes} bytes; its process was ended.`,
      });
    case "closed":
      return new ProxyError("child_exited", {
        message: `The server's process ended before it answered: it closed its ${end.stream}.`,
        data: withStderr ? { stderr: end.stderr } : {},
      });
    case "exited":
      return new ProxyError("child_exited", {
        message: `The server's process ended before it answered: ${describeExit(end.exit)}.`,
        data: { exitCode: end.exit.code, signal: end.exit.signal, ...(withStderr ? { stderr: end.stderr } : {}) },
      });
  }
}
