/**
 * The time that counts against requests in flight. It stands still while the child waits for its client, or for the person
 * there: that wait has a limit of its own, and is no fault of the child's.
 */
export interface RequestClock {
  /** What it shows at a time of `performance.now()`. */
  readonly read: (at: number) => number;
  /** When it will show this; Infinity: not while it stands still. */
  readonly when: (shown: number) => number;
  readonly stop: (at: number) => void;
  readonly goOn: (at: number) => void;
}

export function createRequestClock(): RequestClock {
  let stoodStillMs = 0;
  let stoppedAt: number | undefined;
  return {
    read: (at) => (stoppedAt ?? at) - stoodStillMs,
    when: (shown) => (stoppedAt === undefined ? shown + stoodStillMs : Number.POSITIVE_INFINITY),
    stop: (at) => {
      stoppedAt ??= at;
    },
    goOn: (at) => {
      if (stoppedAt !== undefined) stoodStillMs += at - stoppedAt;
      stoppedAt = undefined;
    },
  };
}
