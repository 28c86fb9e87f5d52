import { suggest } from "../config/file/suggestion.ts";
import { ALL_SETTINGS } from "../config/settings/settings.ts";

export const COMMANDS = {
  serve: "runs the proxy (the default)",
  check: "reads the configuration, prints the effective settings and the allowlist; exit 1 with every fault listed",
  health: "asks the instance that runs with this configuration; exit 0 when it is healthy",
  demo: "a small MCP server on stdin and stdout, to try things with",
  version: "prints the version",
  help: "prints this text",
} as const;

export type Command = keyof typeof COMMANDS;

/** What the command line asks for, or what is wrong with it. */
export type Invocation =
  | { readonly ok: true; readonly command: Command; readonly flags: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly problem: string };

const FLAGS: readonly string[] = ALL_SETTINGS.flatMap(({ flag }) => (flag === undefined ? [] : [flag]));

/** Reads `[command] [--option value | --option=value]…`; `--help` and `--version` stand for their commands. */
export function readArguments(words: readonly string[]): Invocation {
  const flags = new Map<string, string>();
  let command: Command | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--help" || word === "-h") return { ok: true, command: "help", flags };
    if (word === "--version" || word === "-v") return { ok: true, command: "version", flags };
    if (!word.startsWith("-")) {
      if (!isCommand(word)) return unknown("command", word, Object.keys(COMMANDS));
      if (command !== undefined) return { ok: false, problem: `one command is enough: ${command} or ${word}` };
      command = word;
      continue;
    }
    const equals = word.indexOf("=");
    const flag = equals === -1 ? word : word.slice(0, equals);
    if (!FLAGS.includes(flag)) return unknown("option", flag, FLAGS);
    const value = equals === -1 ? words[++i] : word.slice(equals + 1);
    if (value === undefined) return { ok: false, problem: `the option ${flag} needs a value` };
    if (flags.has(flag)) return { ok: false, problem: `the option ${flag} comes more than once` };
    flags.set(flag, value);
  }
  return { ok: true, command: command ?? "serve", flags };
}

function isCommand(word: string): word is Command {
  return Object.hasOwn(COMMANDS, word);
}

function unknown(kind: "command" | "option", word: string, known: readonly string[]): Invocation {
  const near = suggest(word, known);
  const hint = near === undefined ? "see mcp-sse-proxy --help" : `did you mean ${near}?`;
  return { ok: false, problem: `unknown ${kind} ${JSON.stringify(word)}: ${hint}` };
}
