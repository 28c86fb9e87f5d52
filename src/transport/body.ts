import { ProxyError } from "../base/errors.ts";
import { createWatch } from "../base/watch.ts";
import { isJsonContentType } from "./content-type.ts";
import { type BodyBytes, drain } from "./drain.ts";

export interface BodyReaderOptions {
  /** Largest body in bytes; 0: no bound. */
  readonly maxBytes: number;
  /** From the request's head to the body's last byte, in milliseconds. */
  readonly deadlineMs: number;
}

interface Deadline {
  readonly at: number;
  readonly giveUp: (error: ProxyError) => void;
}

/**
 * Reads the body of a request that carries a message. What it does not read of one that it refuses is left to the caller.
 * @throws ProxyError unsupported_media_type, body_too_large, body_timeout, bad_header.
 */
export type BodyReader = (request: Request) => Promise<Buffer>;

export function createBodyReader({ maxBytes, deadlineMs }: BodyReaderOptions): BodyReader {
  /** Bodies on their way. All have the same time, so the order of arrival is the order of the deadlines. */
  const reading = new Set<Deadline>();
  const watch = createWatch((now) => {
    for (const entry of reading) {
      if (entry.at > now) return entry.at;
      reading.delete(entry);
      entry.giveUp(new ProxyError("body_timeout"));
    }
    return Number.POSITIVE_INFINITY;
  });

  const withDeadline = (body: Promise<ArrayBuffer | Buffer>): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const entry: Deadline = { at: performance.now() + deadlineMs, giveUp: reject };
      reading.add(entry);
      watch.expect(entry.at);
      body.then(
        (bytes) => {
          reading.delete(entry);
          resolve(bytes instanceof ArrayBuffer ? Buffer.from(bytes) : bytes);
        },
        (error: unknown) => {
          reading.delete(entry);
          reject(error);
        },
      );
    });

  return (request) => {
    const { headers } = request;
    if (!isJsonContentType(headers.get("content-type"))) throw new ProxyError("unsupported_media_type");
    const encoding = headers.get("content-encoding");
    if (encoding !== null && encoding.toLowerCase() !== "identity") throw new ProxyError("unsupported_media_type");
    const length = headers.get("content-length");
    if (length === null) return withDeadline(readCounted(request, maxBytes));
    if (maxBytes > 0 && Number(length) > maxBytes) throw tooLarge(maxBytes);
    return withDeadline(request.arrayBuffer());
  };
}

/** A body without a length is counted as it comes, so that no more than the bound is ever held. */
async function readCounted(request: Request, maxBytes: number): Promise<Buffer> {
  const reader: BodyBytes | undefined = request.body?.getReader();
  if (reader === undefined) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    size += chunk.value.length;
    if (maxBytes > 0 && size > maxBytes) throw tooLarge(maxBytes, await drain(reader));
    chunks.push(chunk.value);
  }
  return Buffer.concat(chunks);
}

/** @param isOver whether all of the body was taken off the connection, or it still can be. */
function tooLarge(maxBytes: number, isOver = true): ProxyError {
  return new ProxyError("body_too_large", {
    message: `The request body is over ${maxBytes} bytes (limits.requestBytes).`,
    ...(isOver ? {} : { fields: { connection: "close" } }),
  });
}
