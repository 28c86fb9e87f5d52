/** A notification of a child that belongs to no request: changed lists, updated resources. */
export interface Notification {
  readonly line: Buffer;
  readonly method: string;
}

/** What the children of one caller tell all who listen. */
export interface Notifications {
  /** @returns the remover, which may be called twice. */
  readonly listen: (listener: (item: Notification) => void) => () => void;
  /** Tells all who listen. @throws AggregateError with what some of them threw, when all have heard it. */
  readonly publish: (item: Notification) => void;
  /** How often a list of tools has changed so far. */
  readonly toolChanges: () => number;
}

export function createNotifications(): Notifications {
  let toolChanges = 0;
  const listeners = new Set<{ readonly hear: (item: Notification) => void }>();
  return {
    listen: (hear) => {
      const listener = { hear };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publish: (item) => {
      if (item.method === "notifications/tools/list_changed") toolChanges++;
      const failures: unknown[] = [];
      for (const { hear } of listeners) {
        try {
          hear(item);
        } catch (error) {
          failures.push(error);
        }
      }
      // One that fails keeps no other from hearing; whoever reads the child logs it.
      if (failures.length > 0) throw new AggregateError(failures, "a listener to notifications failed");
    },
    toolChanges: () => toolChanges,
  };
}
