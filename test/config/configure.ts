import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Settings } from "../../src/config/configuration.ts";
import { type LoadedConfiguration, loadConfiguration } from "../../src/config/load.ts";

export const SECRET = "a-secret-that-no-report-may-show-0123456789";

export interface Configured {
  /** Content of mcp-sse-proxy.json; left out: there is no file. */
  readonly file?: unknown;
  readonly flags?: Readonly<Record<string, string>>;
  /** Over MAXIM_SECRET and a PATH with the usual programs; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Loads a configuration in a directory of its own, which is gone afterwards. */
export async function configure(options: Configured = {}): Promise<LoadedConfiguration> {
  const directory = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-config-"));
  try {
    if (options.file !== undefined) writeFileSync(join(directory, "mcp-sse-proxy.json"), JSON.stringify(options.file));
    return await loadConfiguration({
      flags: new Map(Object.entries(options.flags ?? {})),
      environment: { MAXIM_SECRET: SECRET, PATH: "/usr/bin:/bin", ...options.environment },
      workingDirectory: directory,
      demoCommand: ["/bin/sh", "demo"],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The settings of a configuration that is expected to be sound. */
export async function settingsOf(options: Configured = {}): Promise<Settings> {
  const loaded = await configure(options);
  if (!loaded.ok) throw new Error(`unexpected faults: ${JSON.stringify(loaded.faults)}`);
  return loaded.settings;
}

/** The faults of a configuration as lines; none when it is sound. */
export async function faultsOf(options: Configured = {}): Promise<string[]> {
  const loaded = await configure(options);
  return loaded.ok ? [] : loaded.faults.map(({ where, problem }) => `${where}: ${problem}`);
}
