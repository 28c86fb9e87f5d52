import { readAllowlist } from "./allowlist/allowlist.ts";
import type { Settings } from "./configuration.ts";
import type { Fault } from "./fault.ts";
import { readConfigurationFile } from "./file/file.ts";
import { FileSchema } from "./file/schema.ts";
import { schemaFaults } from "./file/schema-faults.ts";
import { suggest } from "./file/suggestion.ts";
import { createSettingsReader } from "./settings/reader.ts";
import { ALL_SETTINGS, FILE_SETTING, SECRET_SETTING, SETTINGS } from "./settings/settings.ts";
import { readTree } from "./settings/tree.ts";

export interface ConfigurationInput {
  /** Values of command line options, by the option with its dashes: "--port" → "8080". */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly workingDirectory: string;
  /** The command that runs the built-in demo server: this executable, and its arguments. */
  readonly demoCommand: readonly [string, ...string[]];
}

/** The settings, or everything that is wrong with the configuration. */
export type LoadedConfiguration =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Reads the configuration: flags before environment before file before defaults. It reads the file system, and nothing of the
 * process: that is in the input. Every fault is reported at once; a program that is not found is none (see warnings).
 */
export async function loadConfiguration(input: ConfigurationInput): Promise<LoadedConfiguration> {
  const { flags, environment, workingDirectory } = input;
  const file = await readConfigurationFile(
    createSettingsReader({ flags, environment, file: undefined, content: undefined }).read(FILE_SETTING),
    workingDirectory,
  );
  const reader = createSettingsReader({ flags, environment, file: file.name, content: file.content });
  const { read } = reader;
  read(FILE_SETTING);
  const secret = read(SECRET_SETTING);
  const scalars = readTree(SETTINGS, read);
  const allowlist = await readAllowlist({
    content: file.content,
    file: file.name ?? "built-in",
    environment,
    secrets: [SECRET_SETTING.environment],
    // Windows spells it Path.
    programs: { path: environment["PATH"] ?? environment["Path"], directory: file.directory },
    defaults: read,
    demoCommand: input.demoCommand,
  });
  const faults = [
    ...unknownFlags(flags),
    ...(environment[SECRET_SETTING.environment] ? [] : [missingSecret()]),
    ...reader.faults(),
    ...file.faults,
    ...(file.content === undefined ? [] : schemaFaults(file.name ?? "", FileSchema, file.content)),
    ...allowlist.faults,
  ];
  if (secret === undefined || faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    settings: {
      file: file.name,
      secret,
      ...scalars,
      servers: allowlist.servers,
      leftAside: allowlist.warnings,
      sources: reader.sources,
    },
  };
}

function missingSecret(): Fault {
  const { environment, kind } = SECRET_SETTING;
  const parsed = kind.parse(undefined);
  return {
    where: `environment ${environment}`,
    problem: `it is not set${parsed.ok ? "" : `: expected ${parsed.expected}`}`,
  };
}

function unknownFlags(flags: ReadonlyMap<string, string>): Fault[] {
  const known = ALL_SETTINGS.flatMap(({ flag }) => (flag === undefined ? [] : [flag]));
  return [...flags.keys()]
    .filter((flag) => !known.includes(flag))
    .map((flag) => {
      const near = suggest(flag, known);
      return {
        where: `option ${flag}`,
        problem: `unknown option${near === undefined ? "" : `: did you mean ${near}?`}`,
      };
    });
}
