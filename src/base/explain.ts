import { ProxyError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Makes of whatever was thrown the error that a client may see. */
export type Explain = (error: unknown) => ProxyError;

/**
 * A ProxyError is what it is. Anything else is a failure of the proxy's own: it is logged with its cause under an id, and the client gets
 * internal_error with that id and nothing else.
 *
 * @param what the work that failed, for the log: "bridging a message".
 */
export function createExplain(log: Pick<Logger, "error">, what: string): Explain {
  return (error) => {
    if (error instanceof ProxyError) return error;
    const failureId = crypto.randomUUID().slice(0, 8);
    log.error({ err: error, failureId }, `${what} failed`);
    return new ProxyError("internal_error", { data: { id: failureId }, cause: error });
  };
}
