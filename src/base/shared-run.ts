/** A busy host is not kept busier by its own housekeeping: runs are spaced so that they take at most a tenth of the time. */
const PAUSE_PER_RUN = 9;

/**
 * Makes a function that shares one run of a costly job among all that ask for it within a window. The run starts when the
 * window ends, so that everyone gets a result that is younger than their question.
 */
export function createSharedRun<Result>(windowMs: number, run: () => Promise<Result>): () => Promise<Result> {
  let next: Promise<Result> | undefined;
  let lastMs = 0;
  return () => {
    next ??= Bun.sleep(Math.max(windowMs, PAUSE_PER_RUN * lastMs)).then(async () => {
      next = undefined;
      const started = performance.now();
      try {
        return await run();
      } finally {
        lastMs = performance.now() - started;
      }
    });
    return next;
  };
}
