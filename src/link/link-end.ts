import { ERRORS, ProxyError } from "../base/errors.ts";
import type { StartWords } from "../process/child-stderr.ts";
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
        message: `The server's process ended before it answered: ${howItEnded(end)}.`,
        data: withStderr ? { stderr: end.stderr } : {},
      });
    case "exited":
      return new ProxyError("child_exited", {
        message: `The server's process ended before it answered: ${howItEnded(end)}.`,
        data: { exitCode: end.exit.code, signal: end.exit.signal, ...(withStderr ? { stderr: end.stderr } : {}) },
      });
  }
}

/** How a child ended, and why if it never got to an answer: `exit code 1: Error: Cannot find module './x'`. */
export function howItEnded(end: Extract<LinkEnd, { readonly kind: "exited" | "closed" }>): string {
  const how = end.kind === "exited" ? describeExit(end.exit) : `it closed its ${end.stream}`;
  return end.reason === undefined ? how : `${how}: ${end.reason}`;
}

/** What a caller is told whose child gave no first answer in time, with what it has said on stderr instead. */
export function startTimeout({ stderr, reason }: StartWords): ProxyError {
  const message =
    reason === undefined ? ERRORS.start_timeout.summary : `${ERRORS.start_timeout.summary} It said: ${reason}`;
  return new ProxyError("start_timeout", stderr === "" ? { message } : { message, data: { stderr } });
}
