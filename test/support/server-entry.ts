import { join } from "node:path";

const FIXTURES = join(import.meta.dir, "..", "fixtures");
const MODULES = join(import.meta.dir, "..", "..", "node_modules");

/** An entry of `mcpServers`, as far as the tests write it. */
export interface ServerEntry {
  readonly command: string;
  readonly args: readonly string[];
  readonly [policy: string]: unknown;
}

/** The entry that runs a fixture with these arguments; `policy` holds more keys of the entry (clientEnv, timeouts, limits, …). */
export function fixture(
  name: string,
  args: readonly string[] = [],
  policy: Readonly<Record<string, unknown>> = {},
): ServerEntry {
  return { command: process.execPath, args: [join(FIXTURES, `${name}.ts`), ...args], ...policy };
}

/** The entry that runs a shell script. */
export function shell(script: string, policy: Readonly<Record<string, unknown>> = {}): ServerEntry {
  return { command: "/bin/sh", args: ["-c", script], ...policy };
}

/** The entry that runs an official server out of node_modules. */
export function officialServer(
  name: "everything" | "filesystem" | "memory",
  args: readonly string[] = [],
  policy: Readonly<Record<string, unknown>> = {},
): ServerEntry {
  return {
    command: "node",
    args: [join(MODULES, "@modelcontextprotocol", `server-${name}`, "dist", "index.js"), ...args],
    ...policy,
  };
}

/** The entry as one command line, the form that `allowedCommands` takes. Its words hold no blanks and no quotes. */
export function commandLine({ command, args }: ServerEntry): string {
  return [command, ...args].join(" ");
}
