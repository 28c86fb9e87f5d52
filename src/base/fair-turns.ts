/** Work after which others have their turn, in milliseconds: what a request of theirs waits longer for it. */
const SLICE_MS = 2;

/**
 * Lets others have their turn between the pieces of a job that may have no end, such as reading a pipe that is never empty: its reads
 * resolve at once, and the event loop would see to nothing else.
 *
 * @returns to be called after each piece with the time at which that was begun (`performance.now()`); its promise, if there is one, is
 *   to be awaited before the next piece.
 */
export function createFairTurns(): (since: number) => Promise<void> | undefined {
  let workedMs = 0;
  return (since) => {
    workedMs += performance.now() - since;
    if (workedMs < SLICE_MS) return undefined;
    workedMs = 0;
    return new Promise((resolve) => setImmediate(resolve));
  };
}
