import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerEntry } from "../support/server-entry.ts";

/** The entry, with all that its child is given on stdin written down in a new file of the directory. */
export function tapped({ command, args, ...policy }: ServerEntry, directory: string): ServerEntry {
  // Not $$ for a name: in a PID namespace of their own many children have the same.
  const script = 'tap=$(mktemp "$0/XXXXXXXX") && tee "$tap" | "$@"';
  return { command: "/bin/sh", args: ["-c", script, directory, command, ...args], ...policy };
}

/** A request that a child was given. */
export interface Given {
  readonly tap: string;
  readonly id: unknown;
}

/** The call of this tool with these arguments, if a child was given it. */
export function callGiven(directory: string, name: string, args: object): Given | undefined {
  for (const tap of readdirSync(directory)) {
    for (const { id, method, params } of messagesIn(join(directory, tap), `"${name}"`)) {
      if (method === "tools/call" && params?.["name"] === name && Bun.deepEquals(params["arguments"], args)) {
        return { tap: join(directory, tap), id };
      }
    }
  }
  return undefined;
}

/** Whether the child that was given the request was told that it is cancelled. */
export function isCancelled({ tap, id }: Given): boolean {
  return messagesIn(tap, "notifications/cancelled").some(({ params }) => params?.["requestId"] === id);
}

/** Whether the child that was given the request was told this text, too. */
export function isTold({ tap }: Given, text: string): boolean {
  return messagesIn(tap, text).length > 0;
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** The messages of a file that hold this text. The last line may still be on its way. */
function messagesIn(path: string, text: string): readonly Message[] {
  const whole = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return whole.filter((line) => line.includes(text)).map((line) => JSON.parse(line) as Message);
}
