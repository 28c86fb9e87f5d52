import { cpus, loadavg, release } from "node:os";
import { FIGURE_KEYS, FIGURES, type FigureKey } from "./figures.ts";
import { type GatewayName, versionOf } from "./gateways.ts";
import type { Results } from "./results.ts";
import { targetOutcomes } from "./targets.ts";

export interface ReportInput {
  readonly results: Results;
  readonly names: readonly GatewayName[];
  readonly leftBehind: ReadonlyMap<GatewayName, number>;
  readonly quick: boolean;
  readonly seconds: number;
}

/** What the readers of a figure must know about a gateway. */
const NOTES: Partial<Record<GatewayName, string>> = {
  ceiling: "a bare Bun bridge: no authentication, no limits, no checks",
  ours: "the compiled executable at its defaults, with authentication; rate limit off, log level ERROR",
  supergateway: "one child for all sessions, and every answer goes to every session; log level none",
  "mcp-proxy": "one child for all sessions, requests multiplexed onto it",
};

/** The report as Markdown: the table, how the promises fare, and what to know about it. */
export function markdown(input: ReportInput): string {
  const { results, names } = input;
  const pairs = (["supergateway", "ceiling"] as const).filter(
    (other) => names.includes("ours") && names.includes(other),
  );
  const titles = ["", ...names.map((name) => `${name} ${versionOf(name)}`), ...pairs.map((other) => `ours ÷ ${other}`)];
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const measured = FIGURE_KEYS.filter((key) => names.some((name) => results.samples(name, key).length > 0));
  const rows = measured.map((key) =>
    row([
      `${FIGURES[key].title} (${FIGURES[key].unit})`,
      ...names.map((name) => figure(results, name, key)),
      ...pairs.map((other) => times(results.ratio("ours", other, key))),
    ]),
  );
  return [
    row(titles),
    row(titles.map((_, column) => (column === 0 ? "---" : "---:"))),
    ...rows,
    "",
    ...targetOutcomes(results).map(
      ({ title, value, met }) => `- ${verdict(met)}: ${title} (${value?.toFixed(2) ?? "n/a"})`,
    ),
    "",
    ...names.map((name) => `- ${name}: ${NOTES[name] ?? ""}`),
    ...absences(input),
    ...[...input.leftBehind].map(([name, count]) => `- ${name} left ${count} processes running when it ended`),
    `- ${machineLine()}; ${input.quick ? "quick run, " : ""}${Math.round(input.seconds)} s; ${new Date().toISOString()}`,
  ].join("\n");
}

/** The report as plain data, with every sample. */
export function json(input: ReportInput): object {
  const { results, names } = input;
  const perFigure = (name: GatewayName): object =>
    Object.fromEntries(
      FIGURE_KEYS.map((key) => [
        key,
        {
          value: results.value(name, key) ?? null,
          samples: results.samples(name, key),
          reason: results.reason(name, key) ?? null,
        },
      ]),
    );
  const ratios = (other: GatewayName): object =>
    Object.fromEntries(FIGURE_KEYS.map((key) => [key, results.ratio("ours", other, key) ?? null]));
  return {
    at: new Date().toISOString(),
    machine: machineLine(),
    quick: input.quick,
    seconds: input.seconds,
    kinds: FIGURES,
    versions: Object.fromEntries(names.map((name) => [name, versionOf(name)])),
    figures: Object.fromEntries(names.map((name) => [name, perFigure(name)])),
    ratios: { supergateway: ratios("supergateway"), ceiling: ratios("ceiling") },
    targets: targetOutcomes(results),
    leftBehind: Object.fromEntries(input.leftBehind),
  };
}

function figure(results: Results, name: GatewayName, key: FigureKey): string {
  const value = results.value(name, key);
  if (value === undefined) return "n/a";
  const { digits } = FIGURES[key];
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "n/a" : `${ratio.toFixed(2)}×`;
}

function verdict(met: boolean | undefined): string {
  if (met === undefined) return "not measured";
  return met ? "met" : "MISSED";
}

/** One line for each gateway and reason, with the figures that are missing for it. */
function absences({ results, names }: ReportInput): string[] {
  return names.flatMap((name) => {
    const titles = new Map<string, string[]>();
    for (const key of FIGURE_KEYS) {
      const reason = results.reason(name, key);
      if (reason !== undefined) titles.set(reason, [...(titles.get(reason) ?? []), FIGURES[key].title]);
    }
    return [...titles].map(([reason, missing]) => `- n/a for ${name}: ${reason} (${missing.join("; ")})`);
  });
}

function machineLine(): string {
  const [first] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  return `${cpus().length} × ${first?.model ?? "unknown CPU"}, Linux ${release()}, Bun ${Bun.version}, load ${load.join(" ")}`;
}
