import { jest } from "bun:test";

/** Smaller than any time that the code under test waits. */
const STEP_MS = 5;

/** A clock that only the test moves: `performance.now()` and every timer go by it until it is disposed of. */
export interface FakeClock extends Disposable {
  /** Lets so many milliseconds pass, timer by timer, with all that follows from each. */
  readonly pass: (ms: number) => Promise<void>;
  /** Lets no time pass, but all that follows from what was done already. */
  readonly settle: () => Promise<void>;
}

/** Stops the clock. The waits of test/support go by it, too: nothing else may be waited for meanwhile than what the test lets pass. */
export function stopClock(): FakeClock {
  jest.useFakeTimers();
  const settle = async (): Promise<void> => {
    // Two turns of the event loop, which is no timer's business: what a promise brings about may need another.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    settle,
    pass: async (ms) => {
      await settle();
      for (let left = ms; left > 0; left -= STEP_MS) {
        jest.advanceTimersByTime(Math.min(STEP_MS, left));
        await settle();
      }
    },
    [Symbol.dispose]: () => void jest.useRealTimers(),
  };
}
