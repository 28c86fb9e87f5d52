/** One timer for all deadlines of one owner. */
export interface Watch {
  /** Says that something is now due at `deadline` (in milliseconds of `performance.now()`), perhaps earlier than all else. */
  readonly expect: (deadline: number) => void;
  readonly close: () => void;
}

/** The longest delay that a timer can hold; more would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/**
 * Makes a watch. `check` does what is due and gives the next deadline, or Infinity when there is none. Deadlines that
 * move away cost nothing: the timer fires at the old time, finds nothing due and is set anew. So a message that
 * postpones a deadline only writes down a number.
 */
export function createWatch(check: (now: number) => number): Watch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let closed = false;

  const arm = (deadline: number) => {
    clearTimeout(timer);
    timer = undefined;
    dueAt = deadline;
    if (closed || deadline === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(1, Math.ceil(deadline - performance.now())), LONGEST_DELAY_MS);
    timer = setTimeout(() => arm(check(performance.now())), delay);
  };

  return {
    expect: (deadline) => {
      if (deadline < dueAt) arm(deadline);
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}
