import type { Kind, Written } from "./kind.ts";

/** One scalar setting: its names in every place, its kind, its default and what it does. */
export interface Setting<T> {
  /** Path in the configuration file; undefined: it has no place there. */
  readonly key: string | undefined;
  /** Command line option with its dashes; undefined: none, because process lists show options to everybody. */
  readonly flag: string | undefined;
  readonly environment: string;
  readonly kind: Kind<T>;
  readonly default: T;
  /** The default as a file would hold it. */
  readonly defaultWritten: Written;
  /** Effect, danger and off switch, in Markdown. */
  readonly description: string;
  /** Its value is shown nowhere: not in a fault, not in a report. */
  readonly sensitive: boolean;
  /** Where this one is not written, it is 0 when that one is; undefined: there is none. */
  readonly offWith?: Setting<number>;
}

/** What all settings have in common, whatever their values are. */
export interface AnySetting extends Omit<Setting<unknown>, "kind"> {
  readonly kind: Omit<Kind<unknown>, "write">;
}

interface Names {
  readonly key?: string;
  readonly flag?: string;
  readonly environment: string;
}

/** Makes a setting. */
export function setting<T>(names: Names, kind: Kind<T>, fallback: T, description: string): Setting<T> {
  return {
    key: names.key,
    flag: names.flag,
    environment: names.environment,
    kind,
    default: fallback,
    defaultWritten: kind.write(fallback),
    description,
    // The two go together: what must not stand in a process list must not stand in a report either.
    sensitive: names.flag === undefined,
  };
}

/** Makes a setting that is switched off with another, unless it is set itself. */
export function offWith(other: Setting<number>, one: Setting<number>): Setting<number> {
  return { ...one, offWith: other };
}

/** The regular names of a setting, from its path in the file: `limits.lineBytes`, `--limits-line-bytes`, `LIMITS_LINE_BYTES`. */
export function regularNames(key: string): Required<Names> {
  const kebab = key.replaceAll(".", "-").replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
  return { key, flag: `--${kebab}`, environment: kebab.replaceAll("-", "_").toUpperCase() };
}

/** Makes a setting with the regular names of its path in the file. */
export function named<T>(key: string, kind: Kind<T>, fallback: T, description: string): Setting<T> {
  return setting(regularNames(key), kind, fallback, description);
}
