import type { Server } from "../../process/server.ts";
import { describePath, type Fault } from "../fault.ts";
import { SWITCHES } from "../file/foreign-keys.ts";
import { Args, Builtin, Disabled, Enabled, Text, valid } from "../file/schema.ts";
import { valueAt } from "../settings/reader.ts";
import { BUILTIN_COMMANDS, DEMO } from "./builtins.ts";
import { type Entry, type EntryContext, readEntry, textOf } from "./entry.ts";
import { nameProblem } from "./server-name.ts";
import { splitWords } from "./words.ts";

export interface AllowlistOptions extends EntryContext {
  /** What the file holds; undefined: there is no file. Checked against the schema by the caller. */
  readonly content: unknown;
  /** The command of the built-in demo server. */
  readonly demoCommand: readonly [string, ...string[]];
}

export interface Allowlist {
  /** By exact name. A Map: on a plain object the name "constructor" would be found without having been allowed. */
  readonly servers: ReadonlyMap<string, Server>;
  readonly faults: readonly Fault[];
  /** What was left aside, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Makes the allowlist. A file that has `mcpServers` or `allowedCommands` allows exactly those; otherwise the built-in ones are
 * allowed: the demo server and the commands of the predecessor.
 */
export async function readAllowlist(options: AllowlistOptions): Promise<Allowlist> {
  const faults: Fault[] = [];
  const warnings: string[] = [];
  const fault: Report = (place, problem) => faults.push({ where: `${options.file}: ${describePath(place)}`, problem });

  const named = valueAt(options.content, "mcpServers");
  const lines = valueAt(options.content, "allowedCommands");
  const entries =
    named === undefined && lines === undefined
      ? builtinEntries(options.demoCommand)
      : [...namedEntries(named, options.demoCommand, fault), ...commandEntries(lines, fault)];

  const servers = new Map<string, Server>();
  const places = new Map<string, readonly (string | number)[]>();
  for (const entry of entries) {
    const problem = nameProblem(entry.name);
    const earlier = places.get(entry.name);
    if (problem !== undefined) fault(entry.place, problem);
    else if (earlier !== undefined) fault(entry.place, `the same name as ${describePath(earlier)}`);
    places.set(entry.name, entry.place);
    const made = await readEntry(entry, options);
    faults.push(...made.faults);
    if (isDisabled(entry.written)) continue;
    servers.set(entry.name, made.server);
    warnings.push(...made.warnings);
  }
  return { servers, faults, warnings };
}

function isDisabled(written: unknown): boolean {
  if (valid(Disabled, valueAt(written, "disabled")) === true) return true;
  return SWITCHES.some((key) => valid(Enabled, valueAt(written, key)) === false);
}

type Report = (place: readonly (string | number)[], problem: string) => void;

function builtinEntries(demoCommand: readonly [string, ...string[]]): Entry[] {
  const entries: Entry[] = [{ place: [], name: DEMO, command: demoCommand, written: {}, clientEnv: "*" }];
  for (const { line, clientEnv } of BUILTIN_COMMANDS) {
    const split = splitWords(line);
    if (split.ok) entries.push({ place: [], name: line, command: split.words, written: {}, clientEnv });
  }
  return entries;
}

function namedEntries(written: unknown, demoCommand: readonly [string, ...string[]], fault: Report): Entry[] {
  if (typeof written !== "object" || written === null) return [];
  return Object.entries(written).flatMap(([name, entry]): Entry[] => {
    const place = ["mcpServers", name];
    if (valid(Builtin, valueAt(entry, "builtin")) !== undefined) {
      return [{ place, name, command: demoCommand, written: entry, clientEnv: "*" }];
    }
    // Without a command there is no server, but the rest of the entry is still checked for the sake of its faults.
    const program = valid(Text, valueAt(entry, "command")) ?? "?";
    const args = (valid(Args, valueAt(entry, "args")) ?? []).map((arg) => textOf(arg) ?? String(arg));
    if (program.includes("\0")) fault([...place, "command"], "a command cannot hold a NUL character");
    args.forEach((arg, index) => {
      if (arg.includes("\0")) fault([...place, "args", index], "an argument cannot hold a NUL character");
    });
    return [{ place, name, command: [program, ...args], written: entry, clientEnv: new Map() }];
  });
}

function commandEntries(written: unknown, fault: Report): Entry[] {
  if (!Array.isArray(written)) return [];
  return written.flatMap((entry: unknown, index): Entry[] => {
    const place = ["allowedCommands", index];
    const line = valid(Text, entry) ?? valid(Text, valueAt(entry, "command"));
    if (line === undefined) return [];
    const split = splitWords(line);
    if (!split.ok) {
      fault(place, split.problem);
      return [];
    }
    return [{ place, name: line, command: split.words, written: entry, clientEnv: new Map() }];
  });
}
