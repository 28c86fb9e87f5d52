import { type GatewayName, versionOf } from "../gateways/gateways.ts";
import { FIGURE_KEYS, FIGURES, type FigureKey } from "./figures.ts";
import { PARTS, type PartName } from "./parts.ts";
import type { Results } from "./results.ts";

export interface TableInput {
  readonly part: PartName;
  readonly results: Results;
  /** Those that take part. */
  readonly names: readonly GatewayName[];
}

/** Whom we are compared with, in the order of the columns. */
const OTHERS = ["supergateway", "mcp-proxy", "ceiling"] as const;

/** One part's figures as Markdown: heading, table, and what to know about it. */
export function tableLines({ part, results, names }: TableInput): string[] {
  const others = OTHERS.filter((other) => names.includes("ours") && names.includes(other));
  const { title, notes } = PARTS[part];
  const titles = [
    "",
    ...names.map((name) => `${name} ${versionOf(name)}`),
    ...others.map((other) => `ours ÷ ${other}`),
  ];
  const measured = FIGURE_KEYS.filter((key) =>
    names.some((name) => results.samples(name, key).length > 0 || results.reason(name, key) !== undefined),
  );
  const rows = measured.map((key) =>
    row([
      `${FIGURES[key].title} (${FIGURES[key].unit})`,
      ...names.map((name) => figure(results, name, key)),
      ...others.map((other) => times(results.ratio("ours", other, key))),
    ]),
  );
  return [
    `### ${title}`,
    "",
    row(titles),
    row(titles.map((_, column) => (column === 0 ? "---" : "---:"))),
    ...rows,
    "",
    ...names.map((name) => `- ${name}: ${notes[name]}`),
    ...absences(results, names),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function figure(results: Results, name: GatewayName, key: FigureKey): string {
  const value = results.value(name, key);
  if (value === undefined) return "n/a";
  const { digits } = FIGURES[key];
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function times(ratio: number | undefined): string {
  if (ratio === undefined) return "n/a";
  // Two places would show hundreds of times faster as 0.00.
  return `${ratio < 0.01 ? ratio.toPrecision(2) : ratio.toFixed(2)}×`;
}

/** One line for each gateway and reason, with the figures that are missing for it. */
function absences(results: Results, names: readonly GatewayName[]): string[] {
  return names.flatMap((name) => {
    const titles = new Map<string, string[]>();
    for (const key of FIGURE_KEYS) {
      const reason = results.reason(name, key);
      if (reason !== undefined) titles.set(reason, [...(titles.get(reason) ?? []), FIGURES[key].title]);
    }
    // A gateway's own words may be several lines, which would end the list.
    return [...titles].map(
      ([reason, missing]) => `- n/a for ${name}: ${reason.replaceAll(/\s+/g, " ")} (${missing.join("; ")})`,
    );
  });
}
