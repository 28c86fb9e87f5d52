import { ALL_SETTINGS, writtenText } from "../config/settings/settings.ts";
import { COMMANDS } from "./arguments.ts";

const WIDTH = 100;

/** The text of `--help`: commands, then each option with its environment name, its default and what it does. */
export function helpText(version: string): string {
  const commands = Object.entries(COMMANDS).map(([name, what]) => `  ${name.padEnd(9)}${what}`);
  const options = ALL_SETTINGS.map(({ flag, environment, defaultWritten, description }) => {
    const fallback = defaultWritten === undefined ? "" : writtenText(defaultWritten);
    const head = `  ${flag === undefined ? environment : `${flag} VALUE   ${environment}`}`;
    return `${head}${fallback === "" ? "" : `   default ${fallback}`}\n${wrap(description.replaceAll("`", ""), "      ")}`;
  });
  return `mcp-sse-proxy ${version}
Runs allowlisted stdio MCP servers and serves them to remote MCP clients over HTTP.

Usage: mcp-sse-proxy [command] [options]

Commands
${commands.join("\n")}

Options, each with the environment variable that sets it too (an option wins over the environment, that over the
configuration file). Durations: 250ms, 15s, 3m, 1h. Sizes: 64KB, 4MB.
${options.join("\n")}
`;
}

function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}
