import type { Server } from "../process/server.ts";
import type { SETTINGS } from "./settings/settings.ts";
import type { ValuesOf } from "./settings/tree.ts";

/** Where a setting's value came from. Flags win over the environment, that over the file, that over the defaults. */
export type Source = "flag" | "environment" | "file" | "default";

/** The effective value of a scalar setting, for reports. */
export interface EffectiveSetting {
  readonly source: Source;
  /** As a flag or an environment variable would hold it; for a secret only "set". */
  readonly text: string;
}

/** What the configuration came to: plain values for the parts of the proxy, in the groups of the table of settings. */
export interface Settings extends ValuesOf<typeof SETTINGS> {
  /** Name of the configuration file; undefined: there is none. */
  readonly file: string | undefined;
  /** The bearer secret. Never to be shown. */
  readonly secret: string;
  /** The allowlist, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  /** What of the file was left aside, one sentence each. */
  readonly leftAside: readonly string[];
  /** Each setting by its environment name. */
  readonly sources: ReadonlyMap<string, EffectiveSetting>;
}
