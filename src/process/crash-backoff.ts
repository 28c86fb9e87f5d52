/** So many crashes within the window, and the next start has to wait. */
const CRASHES = 3;
const WINDOW_MS = 60_000;

/** Callers that crash a server are remembered up to this number, the oldest forgotten first. */
const MAX_REMEMBERED = 1_000;

/** Keeps one caller from starting, again and again, a server that dies before its first answer. */
export interface CrashBackoff {
  /** Milliseconds until this key may start again; 0: now. */
  readonly waitMs: (key: string) => number;
  readonly crashed: (key: string) => void;
  /** It works after all: the crashes are forgotten. */
  readonly worked: (key: string) => void;
}

/** @param now a monotonic clock in milliseconds. */
export function createCrashBackoff(now: () => number = () => performance.now()): CrashBackoff {
  const crashes = new Map<string, readonly number[]>();
  const recent = (key: string) => (crashes.get(key) ?? []).filter((at) => now() - at < WINDOW_MS);

  return {
    waitMs: (key) => {
      const oldest = recent(key).at(-CRASHES);
      return oldest === undefined ? 0 : oldest + WINDOW_MS - now();
    },
    crashed: (key) => {
      const times = [...recent(key), now()].slice(-CRASHES);
      // Deleted first, so that the order of the Map is the order of the last crash.
      crashes.delete(key);
      crashes.set(key, times);
      const [oldest] = crashes.keys();
      if (crashes.size > MAX_REMEMBERED && oldest !== undefined) crashes.delete(oldest);
    },
    worked: (key) => void crashes.delete(key),
  };
}
