import { ERRORS } from "../../src/base/errors.ts";
import { COMMANDS } from "../../src/commands/arguments.ts";
import { BUILTIN_COMMANDS, DEMO } from "../../src/config/allowlist/builtins.ts";
import { settingsMarkdown } from "../../src/config/settings/settings.ts";
import { matrixMarkdown } from "../matrix/table.ts";
import { partIn } from "./pages.ts";

type Row = readonly string[];

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(" | ")} |\n`;
  return `${line(head)}|${"---|".repeat(head.length)}\n${rows.map(line).join("")}`;
}

function errors(): string {
  const rows = Object.entries(ERRORS)
    .sort(([, a], [, b]) => a.status - b.status)
    .map(([name, { status, rpc, fault, summary }]) => [code(name), String(status), String(rpc), fault, summary]);
  return table(["code", "status", "JSON-RPC code", "whose doing", "meaning"], rows);
}

function builtins(): string {
  const rows = BUILTIN_COMMANDS.map(({ line, clientEnv }) => [
    code(line),
    clientEnv === "*" ? "every name that is not known to be dangerous" : [...clientEnv.keys()].map(code).join(", "),
  ]);
  const demo = [`${code(DEMO)}: in the binary, works offline`, "every name that is not known to be dangerous"];
  return table(["server", "client variables"], [demo, ...rows]);
}

function commands(): string {
  return table(
    ["`mcp-sse-proxy …`", ""],
    Object.entries(COMMANDS).map(([name, what]) => [code(name), what]),
  );
}

function code(text: string): string {
  return `\`${text}\``;
}

/** The parts of the pages that are made from the source, by the name in their opening comment. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  commands,
  builtins,
  settings: settingsMarkdown,
  errors,
  matrix: matrixMarkdown,
};

/** A page with its generated parts made anew. */
export function withGenerated(page: string): string {
  return Object.entries(GENERATED).reduce((text, [name, make]) => {
    const part = partIn(text, `generated: ${name}`);
    return part === undefined ? text : part.before + make() + part.after;
  }, page);
}
