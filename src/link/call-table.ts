import { createWatch } from "../base/watch.ts";

/** A call as the table needs it. */
export interface TabledCall {
  /** Has no time limit, and is not counted as in flight: a subscription. */
  readonly isEndless: boolean;
}

/** The calls that one child owes an answer, under the ids that the link gave them, each with its time. */
export interface CallTable<Entry extends TabledCall> {
  /** Takes a call in, under an id that was drawn for it; its time runs from now on. */
  readonly add: (id: number, entry: Entry) => void;
  readonly get: (id: number) => Entry | undefined;
  /** Takes a call off; undefined: it was not there. */
  readonly forget: (id: number) => Entry | undefined;
  /** Gives a call its whole time again, if its time runs. */
  readonly touch: (id: number) => void;
  /** The call's time stands still. */
  readonly pause: (id: number) => void;
  /** The call's time begins anew. */
  readonly restart: (id: number) => void;
  readonly size: () => number;
  /** All but the endless ones. */
  readonly inFlight: () => number;
  readonly entries: () => Iterable<readonly [number, Entry]>;
  readonly takeAll: () => readonly Entry[];
  /** No time runs any more. */
  readonly close: () => void;
}

export interface CallTableOptions<Entry extends TabledCall> {
  /** From a call to its answer, in milliseconds; 0: off. */
  readonly requestMs: number;
  /** Told of each call that took longer; it is off the table by then. */
  readonly onOverdue: (id: number, entry: Entry) => void;
  /** Told of each call that is taken off by itself. */
  readonly onForgotten: (entry: Entry) => void;
}

export function createCallTable<Entry extends TabledCall>(options: CallTableOptions<Entry>): CallTable<Entry> {
  const { requestMs, onOverdue, onForgotten } = options;
  const calls = new Map<number, Entry>();
  /** Calls whose time runs, and since when, the longest first. */
  const clock = new Map<number, number>();
  let endless = 0;

  const watch = createWatch((now) => {
    for (const [id, since] of clock) {
      if (since + requestMs > now) return since + requestMs;
      const entry = forget(id);
      if (entry !== undefined) onOverdue(id, entry);
    }
    return Number.POSITIVE_INFINITY;
  });

  const restart = (id: number) => {
    if (requestMs === 0 || calls.get(id)?.isEndless !== false) return;
    const now = performance.now();
    clock.delete(id);
    clock.set(id, now);
    watch.expect(now + requestMs);
  };

  const forget = (id: number): Entry | undefined => {
    const entry = calls.get(id);
    if (entry === undefined) return undefined;
    if (entry.isEndless) endless--;
    calls.delete(id);
    clock.delete(id);
    onForgotten(entry);
    return entry;
  };

  return {
    add: (id, entry) => {
      if (entry.isEndless) endless++;
      calls.set(id, entry);
      restart(id);
    },
    get: (id) => calls.get(id),
    forget,
    touch: (id) => {
      if (clock.has(id)) restart(id);
    },
    pause: (id) => void clock.delete(id),
    restart,
    size: () => calls.size,
    inFlight: () => calls.size - endless,
    entries: () => calls,
    takeAll: () => {
      const taken = [...calls.values()];
      calls.clear();
      clock.clear();
      endless = 0;
      return taken;
    },
    close: watch.close,
  };
}
