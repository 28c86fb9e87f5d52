/** A notification of a child that belongs to no request: changed lists, updated resources. */
export interface NewsItem {
  readonly line: Buffer;
  readonly method: string;
}

/** What the children of one caller tell all who listen. */
export interface News {
  /** @returns the remover, which may be called twice. */
  readonly listen: (listener: (item: NewsItem) => void) => () => void;
  readonly publish: (item: NewsItem) => void;
  /** How often a list of tools has changed so far. */
  readonly toolChanges: () => number;
}

export function createNews(): News {
  let toolChanges = 0;
  const listeners = new Set<{ readonly hear: (item: NewsItem) => void }>();
  return {
    listen: (hear) => {
      const listener = { hear };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publish: (item) => {
      if (item.method === "notifications/tools/list_changed") toolChanges++;
      for (const { hear } of listeners) hear(item);
    },
    toolChanges: () => toolChanges,
  };
}
