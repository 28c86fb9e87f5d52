import { WAIT_MS } from "./limits.ts";

/**
 * Waits until `look` gives something else than undefined or false, and returns it. For facts that nobody announces: the process
 * table, a directory, a memory figure. Rejects after `WAIT_MS` with what was waited for, and the last error of `look`.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  let lastError: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${WAIT_MS} ms: ${what}`, { cause: lastError });
    await Bun.sleep(15);
  }
}

/** The promise's value, or a rejection that names what was waited for when it takes longer than `WAIT_MS`. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${WAIT_MS} ms: ${what}`)), WAIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
