import { Check } from "typebox/value";
import type { EffectiveSetting, Source } from "../configuration.ts";
import { describeValue, type Fault } from "../fault.ts";
import type { AnySetting, Setting } from "./setting.ts";
import { writtenText } from "./settings.ts";

export interface ReaderOptions {
  /** Values of command line options, by the option with its dashes. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name of the file, for faults, and what it holds. */
  readonly file: string | undefined;
  readonly content: unknown;
}

/** Gives the effective value of a setting. */
export type Read = <T>(setting: Setting<T>) => T;

/** Reads settings one by one and remembers where each came from. */
export interface SettingsReader {
  /** The effective value. When what was written is wrong, the fault is noted and the default stands in. */
  readonly read: Read;
  /** What was wrong so far, one fault a place. */
  faults(): readonly Fault[];
  /** Where each setting that was read came from, by its environment name. */
  readonly sources: ReadonlyMap<string, EffectiveSetting>;
}

/** Makes a reader with the precedence flag, environment, file, default. An empty environment variable counts as unset. */
export function createSettingsReader({ flags, environment, file, content }: ReaderOptions): SettingsReader {
  // By place, so that reading a setting again reports it once.
  const faults = new Map<string, Fault>();
  const sources = new Map<string, EffectiveSetting>();

  const find = (setting: AnySetting): { source: Source; where: string; raw: unknown } | undefined => {
    const flag = setting.flag === undefined ? undefined : flags.get(setting.flag);
    if (flag !== undefined) return { source: "flag", where: `option ${setting.flag}`, raw: flag };
    const variable = Object.hasOwn(environment, setting.environment) ? environment[setting.environment] : undefined;
    if (variable !== undefined && variable !== "") {
      return { source: "environment", where: `environment ${setting.environment}`, raw: variable };
    }
    const raw = setting.key === undefined ? undefined : valueAt(content, setting.key);
    return raw === undefined ? undefined : { source: "file", where: `${file}: ${setting.key}`, raw };
  };

  const read: Read = (setting) => {
    const found = find(setting);
    // What the schema refuses in a file is reported with the rest of the file's faults.
    if (found === undefined || (found.source === "file" && !Check(setting.kind.schema, found.raw))) {
      const off = setting.offWith !== undefined && read(setting.offWith) === 0 ? setting.kind.parse(0) : undefined;
      const written = off?.ok === true ? setting.kind.write(off.value) : setting.defaultWritten;
      sources.set(setting.environment, { source: "default", text: writtenText(written) });
      return off?.ok === true ? off.value : setting.default;
    }
    const parsed = setting.kind.parse(found.raw);
    if (!parsed.ok) {
      const got = setting.sensitive ? "" : `, got ${describeValue(found.raw)}`;
      faults.set(found.where, { where: found.where, problem: `expected ${parsed.expected}${got}` });
      return setting.default;
    }
    sources.set(setting.environment, { source: found.source, text: writtenText(setting.kind.write(parsed.value)) });
    return parsed.value;
  };

  return { read, faults: () => [...faults.values()], sources };
}

/** The value at a path such as "listen.port" in what a file holds. */
export function valueAt(content: unknown, path: string): unknown {
  let value = content;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
