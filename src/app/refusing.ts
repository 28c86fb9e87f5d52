import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Principal } from "../base/principal.ts";
import type { Guard } from "../guard/guard.ts";
import { answerError, type Dialect } from "../transport/answer.ts";
import { drainBody, hasLargeBody } from "../transport/drain.ts";
import { type Arrival, callerOf } from "./arrival.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { RequestLog } from "./request-log.ts";

/** The log's status for a client that left before its answer, as nginx has it. */
const CLIENT_LEFT = 499;

/** A request that was refused, or has failed. */
export interface Refused {
  readonly arrival: Arrival;
  readonly route: string;
  readonly dialect: Dialect;
  readonly error: unknown;
  /** When it came, in milliseconds of `performance.now()`. */
  readonly since: number;
  /** Who had shown a token, as far as it got. */
  readonly principal?: Principal | undefined;
  /** JSON text of the id of the JSON-RPC request, where it was read. */
  readonly rpcId?: string | undefined;
}

export interface RefusingOptions {
  readonly guard: Guard;
  readonly refusals: RefusalLog;
  readonly requests: RequestLog;
  readonly log: Logger;
}

/** Answers a request with an error, when its body has come to its end, and tells the log what is worth a line. */
export type Refuse = (refused: Refused) => Response | Promise<Response>;

export function createRefusing({ guard, refusals, requests, log }: RefusingOptions): Refuse {
  const answer = ({ arrival, route, dialect, error, since, principal, rpcId }: Refused): Response => {
    const caller = callerOf(arrival);
    const { response, code, failureId } = answerError(error, dialect, guard.answerFields(caller), rpcId);
    if (!(error instanceof ProxyError) && arrival.request.signal.aborted) {
      requests.write(arrival, { route, status: CLIENT_LEFT, since }, {});
      return response;
    }
    if (failureId !== undefined) log.error({ err: error, failureId, route }, "request failed");
    const isCheap = failureId === undefined && (principal === undefined || code === "rate_limited");
    if (isCheap && !refusals.count(code)) return response;
    const client = guard.clientAddress(caller);
    const failure = failureId === undefined ? {} : { failureId };
    requests.write(arrival, { route, status: response.status, since }, { client, code, ...failure });
    return response;
  };

  return (refused) => {
    const { request } = refused.arrival;
    if (!hasLargeBody(request)) return answer(refused);
    return drainBody(request).then((isOver) => {
      const response = answer(refused);
      if (isOver) return response;
      response.headers.set("connection", "close");
      response.headers.delete("keep-alive");
      return response;
    });
  };
}
