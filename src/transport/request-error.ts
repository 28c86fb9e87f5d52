import { ProxyError } from "../base/errors.ts";

/** The same error, under the id of the request that it refuses (JSON text), unless it names one already. */
export function underRequest(error: unknown, rawId: string | undefined): unknown {
  if (!(error instanceof ProxyError) || error.rpcId !== undefined || rawId === undefined) return error;
  const { code, message, retryAfterSeconds, data, fields, cause } = error;
  return new ProxyError(code, {
    message,
    rpcId: rawId,
    cause,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(data === undefined ? {} : { data }),
    ...(fields === undefined ? {} : { fields }),
  });
}
