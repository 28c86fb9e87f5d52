/** How far a body is read that nobody wants. */
export interface DrainBounds {
  readonly maxBytes: number;
  readonly maxMs: number;
  /** A client that sends nothing for so long waits for its answer. */
  readonly quietMs: number;
}

/** A reader of a body. */
export type BodyBytes = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

export const DRAIN_BOUNDS: DrainBounds = { maxBytes: 64 * 1024 * 1024, maxMs: 10_000, quietMs: 2_000 };

/** So much more may come unread: the runtime takes it off the connection by itself (bun 1.4.5). */
const SMALL_BYTES = 64 * 1024;

/** Whether there is a body that is worth being read to its end before the request is refused. */
export function hasLargeBody({ headers, bodyUsed }: Request): boolean {
  if (bodyUsed) return false;
  const length = headers.get("content-length");
  return length === null ? headers.has("transfer-encoding") : Number(length) > SMALL_BYTES;
}

/**
 * Reads the body of a request that is refused, and drops it. A client that is still writing when its connection is closed
 * sees a broken pipe instead of the answer (RFC 9112, section 9.6).
 *
 * @returns whether the body came to its end within the bounds: else the connection must be closed with the answer.
 */
export async function drainBody(request: Request, bounds: DrainBounds = DRAIN_BOUNDS): Promise<boolean> {
  if (Number(request.headers.get("content-length") ?? 0) > bounds.maxBytes) return false;
  const reader: BodyBytes | undefined = request.body?.getReader();
  return reader === undefined || drain(reader, bounds);
}

/** The same for a body that is being read already. The reader is of no use afterwards. */
export async function drain(
  reader: BodyBytes,
  { maxBytes, maxMs, quietMs }: DrainBounds = DRAIN_BOUNDS,
): Promise<boolean> {
  const until = performance.now() + maxMs;
  let left = maxBytes;
  try {
    while (left >= 0) {
      const chunk = await within(reader.read(), Math.min(quietMs, until - performance.now()));
      if (chunk === undefined) return false;
      if (chunk.done) return true;
      left -= chunk.value.length;
    }
    return false;
  } catch {
    // The client is gone, and nobody is left to be answered.
    return false;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Undefined when it takes too long. */
async function within<T>(result: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}
