import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Check } from "typebox/value";
import type { Server } from "../../process/server.ts";
import { describePath, describeValue, type Fault } from "../fault.ts";
import { foreignKeyWarning } from "../file/foreign-keys.ts";
import { AnyObject, InheritEnv, Text, valid } from "../file/schema.ts";
import { type Read, valueAt } from "../settings/reader.ts";
import { SERVER_LIMITS, SERVER_TIMEOUTS } from "../settings/server-settings.ts";
import { readTree } from "../settings/tree.ts";
import { readClientEnv } from "./client-env.ts";
import { expandVariables } from "./expansion.ts";
import { launcherVariables } from "./launcher-variables.ts";
import { findProgram, type ProgramSearch } from "./program.ts";

/** What all entries of one file share. */
export interface EntryContext {
  /** Name of the file, for faults. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Names of the proxy's own secrets, which no child may see. */
  readonly secrets: readonly string[];
  /** Where programs are looked for, and where relative paths start. */
  readonly programs: ProgramSearch;
  /** Limits that an entry does not set itself. */
  readonly defaults: Read;
}

/** One entry of the file, found by its place. */
export interface Entry {
  /** Keys that lead to it, for faults. */
  readonly place: readonly (string | number)[];
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The entry as it was written: whatever of it does not fit the schema is passed over, as the schema reports it. */
  readonly written: unknown;
  readonly clientEnv: Server["clientEnv"];
}

export interface ReadEntry {
  readonly server: Server;
  readonly faults: readonly Fault[];
  /** What of it was left aside, one sentence each. */
  readonly warnings: readonly string[];
}

/** The text of a variable or an argument that may be written as a number or a truth value; undefined: it is none. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number") return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

/** Makes a server of an entry: fills in its variables and limits, finds its program and checks its directory. */
export async function readEntry(entry: Entry, context: EntryContext): Promise<ReadEntry> {
  const { name, command, written } = entry;
  const faults: Fault[] = [];
  const fault = (keys: readonly (string | number)[], problem: string) =>
    faults.push({ where: `${context.file}: ${describePath([...entry.place, ...keys])}`, problem });

  const env: [string, string][] = [];
  for (const [index, variable] of (valid(InheritEnv, valueAt(written, "inheritEnv")) ?? []).entries()) {
    const value = Object.hasOwn(context.environment, variable) ? context.environment[variable] : undefined;
    if (context.secrets.includes(variable))
      fault(["inheritEnv", index], `${variable} is the proxy's own secret, which no server may see`);
    else if (value !== undefined) env.push([variable, value]);
  }
  for (const [variable, value] of Object.entries(valid(AnyObject, valueAt(written, "env")) ?? {})) {
    const text = textOf(value);
    if (text === undefined) {
      if (typeof value === "number")
        fault(["env", variable], "a number of so many digits is not kept as it is: write it in quotes");
      continue;
    }
    const expansion = expandVariables(text, context.environment, context.secrets);
    if (expansion.ok) env.push([variable, expansion.value]);
    else fault(["env", variable], expansion.problem);
  }

  const clientEnv = valueAt(written, "clientEnv");
  const variables = clientEnv === undefined ? { policy: entry.clientEnv, faults: [] } : readClientEnv(clientEnv);
  for (const { keys, problem } of variables.faults) fault(["clientEnv", ...keys], problem);

  const directory = valid(Text, valueAt(written, "cwd"));
  const cwd = directory === undefined ? undefined : resolve(context.programs.directory, directory);
  if (cwd !== undefined && !(await isDirectory(cwd))) {
    fault(["cwd"], `expected a directory that exists, got ${describeValue(directory)}`);
  }

  const read: Read = (setting) => {
    // An entry has its limits at the same path as the file has those of all: "limits.lineBytes".
    const raw = setting.key === undefined ? undefined : valueAt(written, setting.key);
    if (raw === undefined || !Check(setting.kind.schema, raw)) return context.defaults(setting);
    const parsed = setting.kind.parse(raw);
    if (parsed.ok) return parsed.value;
    fault(String(setting.key).split("."), `expected ${parsed.expected}, got ${describeValue(raw)}`);
    return context.defaults(setting);
  };

  const server: Server = {
    name,
    command,
    program: findProgram(command[0], context.programs),
    // Own properties even for "__proto__": fromEntries defines, where an assignment would set the prototype.
    env: Object.fromEntries(env),
    inherited: launcherVariables(command, context.environment),
    cwd,
    clientEnv: variables.policy,
    isolation: valueAt(written, "isolation") === "shared" ? "shared" : "exclusive",
    limits: readTree(SERVER_LIMITS, read),
    timeouts: readTree(SERVER_TIMEOUTS, read),
  };
  const warning = foreignKeyWarning(name, Object.keys(valid(AnyObject, written) ?? {}));
  return { server, faults, warnings: warning === undefined ? [] : [warning] };
}

async function isDirectory(path: string): Promise<boolean> {
  if (path.includes("\0")) return false;
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Not there, or not for us to see: nothing could be started in it either way.
    return false;
  }
}
