/** Those who want something to stay. */
export interface Pins {
  /** @returns the remover, which may be called twice. */
  readonly pin: () => () => void;
  readonly count: () => number;
}

/** @param onUnpinned called when one of them does not want it any more. */
export function createPins(onUnpinned: () => void): Pins {
  const pins = new Set<object>();
  return {
    pin: () => {
      const pin = {};
      pins.add(pin);
      return () => {
        if (pins.delete(pin)) onUnpinned();
      };
    },
    count: () => pins.size,
  };
}
