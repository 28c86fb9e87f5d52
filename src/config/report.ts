import type { ClientVariablePolicy, Server, ServerLimits, ServerTimeouts } from "../process/server.ts";
import type { Settings } from "./configuration.ts";
import type { Fault } from "./fault.ts";
import { ALL_SETTINGS } from "./settings/settings.ts";
import { formatDuration, formatSize } from "./settings/units.ts";
import { configurationWarnings } from "./warnings.ts";

/** The text of `mcp-sse-proxy check`: settings with their sources, the allowlist, warnings. It shows no secret and no `env` value. @param more warnings about the host. */
export function renderReport(settings: Settings, more: readonly string[] = []): string {
  const servers = [...settings.servers.values()].map((server) => renderServer(server, settings));
  const warnings = [...configurationWarnings(settings), ...more];
  const sections = [
    `Configuration file: ${settings.file === undefined ? "none" : shown(settings.file)}`,
    `Settings\n${renderSettings(settings)}`,
    servers.length === 0 ? "Allowlist: empty" : `Allowlist\n${servers.join("\n")}`,
    ...(warnings.length === 0 ? [] : [`Warnings\n${warnings.map((text) => `  ${visible(text)}`).join("\n")}`]),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** One line for each fault: the place, then what is wrong there. */
export function renderFaults(faults: readonly Fault[]): string {
  return faults.map(({ where, problem }) => `${visible(where)}: ${visible(problem)}\n`).join("");
}

function renderSettings({ sources }: Settings): string {
  const rows = ALL_SETTINGS.map(({ key, environment }) => {
    const { source, text } = sources.get(environment) ?? { source: "default", text: "" };
    const from = { flag: "option", environment: `environment ${environment}`, file: "file", default: "default" }[
      source
    ];
    return [key ?? environment, text === "" ? "-" : visible(text), from] as const;
  });
  return columns(rows);
}

function renderServer(server: Server, { serverDefaults }: Settings): string {
  const own = [
    ...ownValues("limits", server.limits, serverDefaults.limits),
    ...ownValues("timeouts", server.timeouts, serverDefaults.timeouts),
  ];
  const variables = Object.keys(server.env).map(shown).join(", ");
  const inherited = Object.keys(server.inherited).map(shown).join(", ");
  const rows: (readonly [string, string])[] = [
    ["command", server.command.map(shown).join(" ")],
    ["program", server.program === undefined ? "not found on PATH" : shown(server.program)],
    ["directory", server.cwd === undefined ? "a temporary one for each child" : shown(server.cwd)],
    ["env", variables === "" ? "-" : variables],
    ...(inherited === "" ? [] : [["for its launcher", inherited] as const]),
    ["client variables", renderPolicy(server.clientEnv)],
    ...own,
  ];
  return `  ${shown(server.name)}\n${columns(rows, "    ")}`;
}

function renderPolicy(policy: ClientVariablePolicy): string {
  if (policy === "*") return "every name that the denylist does not hold";
  const names = [...policy].map(([name, { required }]) => (required ? `${name} (required)` : name));
  return names.length === 0 ? "-" : names.join(", ");
}

/** The limits in which a server differs from the rest, under the names that the file has for them. */
function ownValues(
  group: "limits" | "timeouts",
  own: ServerLimits | ServerTimeouts,
  defaults: ServerLimits | ServerTimeouts,
): (readonly [string, string])[] {
  const common = new Map<string, number>(Object.entries(defaults));
  return Object.entries(own)
    .filter(([key, value]) => common.get(key) !== value)
    .map(([key, value]: [string, number]) => {
      const format = key.endsWith("Ms") ? formatDuration : key.endsWith("Bytes") ? formatSize : String;
      return [`${group}.${key.replace(/Ms$/, "")}`, format(value)] as const;
    });
}

function columns(rows: readonly (readonly string[])[], indent = "  "): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        indent +
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
    )
    .join("\n");
}

/** A word that cannot be mistaken for several, or for a line of the report. */
function shown(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : visible(JSON.stringify(word));
}

/** Text from a file or the environment in one line, without characters that a terminal would act on. */
function visible(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
